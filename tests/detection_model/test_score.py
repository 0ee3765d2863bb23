"""``deepfake score``: every image once, whatever is killed in between, alike on both engines."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest

from deepfake_detection.errors import UserError
from deepfake_detection.image import Card
from deepfake_detection.inference import default_cache, judge, load_network
from deepfake_detection.inference.archive import SUFFIXES, archive_images, units
from deepfake_detection.inference.score import ScoredUnit
from deepfake_detection.inference.score_table import RECORD, ScoreTable, fill
from tests.conftest import BUNDLED, eventually
from tests.detection_model.images import encoded, portrait

KERAS_FILE = BUNDLED / "model" / "v3.keras"
CARD = Card.load(KERAS_FILE.with_suffix(".json"))
IMAGES = 1000


def names(source: Path | str) -> list[str]:
    return [image.name for image in archive_images(str(source))]


def rows(table: Path) -> list[dict[str, object]]:
    return sorted(pq.read_table(table).to_pylist(), key=lambda row: row["image"])


def score_command(source: Path | str, output: Path, *options: str) -> subprocess.Popen[str]:
    command = str(Path(sys.executable).with_name("deepfake"))
    return subprocess.Popen(
        [
            command,
            "score",
            str(source),
            "--output",
            str(output),
            "--model",
            str(KERAS_FILE),
            *options,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def score(source: Path | str, output: Path, *options: str) -> str:
    """Run the command to its end; return its last line."""
    process = score_command(source, output, *options)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    return out.strip()


def fake_engine(missing):
    """Scores units without a network."""
    for unit in missing:
        scores = [(i.name, 0.5, "fake", 1, 1) for i in unit.images if "bad" not in i.name]
        bad = [(i.name, "It is bad.") for i in unit.images if "bad" in i.name]
        yield ScoredUnit(unit, scores, bad)


def fill_all(output: Path, source: Path):
    *_, tally = fill(ScoreTable(output, str(source), CARD), str(source), fake_engine)
    return tally.scored, tally.bad, tally.kept


def touch(folder: Path, *files: str) -> Path:
    for file in files:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A thousand images and three that are bad; 40 drawings at different qualities."""
    folder = tmp_path_factory.mktemp("archive")
    drawings = [portrait(seed, fake=seed % 2 == 0, size=(128, 128)) for seed in range(40)]
    for number in range(IMAGES):
        part = folder / f"part-{number // 250}"
        part.mkdir(exist_ok=True)
        image = encoded(drawings[number % 40], quality=50 + number // 40)
        (part / f"{number:05}.jpg").write_bytes(image)
    (folder / "empty.jpg").touch()
    (folder / "cut.jpg").write_bytes(encoded(drawings[0])[:500])
    (folder / "text.png").write_text("no image")
    return folder


@pytest.fixture(scope="module")
def scores(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive scored without any trouble."""
    output = tmp_path_factory.mktemp("scores") / "scores.parquet"
    assert score(archive, output).startswith(f"{IMAGES} scored, 3 bad, 0 there already")
    return output


# --- what is in an archive ---


def test_a_folder_is_listed_in_order_with_shards_and_without_other_files(tmp_path: Path) -> None:
    touch(tmp_path, "b/2.png", "b/1.JPG", "a.webp", "notes.md", "z.heic")
    with tarfile.open(tmp_path / "c.tar", "w") as tar:
        tar.add(tmp_path / "a.webp", "x/a.webp")
        tar.add(tmp_path / "notes.md", "x/notes.md")
    assert names(tmp_path) == ["a.webp", "b/1.JPG", "b/2.png", "c.tar/x/a.webp", "z.heic"]


def test_globs_lists_and_single_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(touch(tmp_path, "a/1.jpg", "a/2.png", "b/3.jpg", "b/unnamed"))
    assert names("*/*.jpg") == ["a/1.jpg", "b/3.jpg"]
    assert names("a/2.png") == ["a/2.png"]
    (tmp_path / "some.txt").write_text("b\nb/unnamed\n\nmissing.jpg\n")
    assert names("some.txt") == ["b/3.jpg", "b/unnamed", "missing.jpg"]
    with pytest.raises(UserError, match="no file, folder or match"):
        names("nowhere/*.jpg")


def test_a_name_that_is_no_text_is_shown_escaped(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.jpg")).touch()
    assert names(tmp_path) == [r"\xff.jpg"]


@pytest.mark.parametrize("damage", ["cut", "compressed", "text"])
def test_a_damaged_shard_is_one_bad_row_and_the_rest_goes_on(tmp_path: Path, damage: str) -> None:
    touch(tmp_path, "z.jpg")
    shard = tmp_path / "a.tar"
    with tarfile.open(shard, "w:gz" if damage == "compressed" else "w") as tar:
        for number in range(3):
            (tmp_path / "member").write_bytes(bytes(10_000))
            tar.add(tmp_path / "member", f"{number}.jpg")
    if damage == "cut":
        shard.write_bytes(shard.read_bytes()[:15_000])
    if damage == "text":
        shard.write_text("no archive" * 100)
    images = list(archive_images(str(tmp_path)))
    (problem,) = [image for image in images if image.problem]
    assert problem.name == "a.tar"
    assert "damaged, or no uncompressed tar" in problem.problem
    assert images[-1].name == "z.jpg"


def test_a_file_more_changes_one_unit(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{number:05}.jpg" for number in range(3000)))
    before = {unit.key for unit in units(archive_images(str(tmp_path)))}
    touch(tmp_path, "01500a.jpg")
    after = {unit.key for unit in units(archive_images(str(tmp_path)))}
    assert len(before) > 5
    assert len(after - before) == len(before - after) == 1


def test_formats_that_cannot_be_read_are_listed_too() -> None:
    assert {".heic", ".gif"} < SUFFIXES


# --- what is written ---


def test_the_table_follows_its_source(tmp_path: Path) -> None:
    output = tmp_path / "s.parquet"
    source = touch(tmp_path / "in", *(f"{number:04}.jpg" for number in range(2000)), "bad.jpg")
    assert fill_all(output, source) == (2000, 1, 0)
    assert fill_all(output, source) == (0, 0, 2001)
    (source / "0007.jpg").unlink()
    touch(source, "bad2.jpg")
    (output / "_left.parquet.partial").touch()
    fill_all(output, source)
    assert [row["image"] for row in rows(output)] == names(source)[:-2]
    assert [row["image"] for row in rows(tmp_path / "s.bad.parquet")] == ["bad.jpg", "bad2.jpg"]
    assert not list(output.glob("*.partial"))


def test_a_table_takes_no_other_source_and_no_other_network(tmp_path: Path) -> None:
    output = tmp_path / "s.parquet"
    ScoreTable(output, "a", CARD)
    ScoreTable(output, "a", CARD)
    with pytest.raises(UserError, match="another source or network"):
        ScoreTable(output, "b", CARD)
    with pytest.raises(UserError, match="another source or network"):
        ScoreTable(output, "a", CARD.model_copy(update={"sha256": "0" * 64}))


@pytest.mark.parametrize("there", ["file", "folder"])
def test_nothing_of_somebody_elses_is_written_over(tmp_path: Path, there: str) -> None:
    output = tmp_path / "s.parquet"
    output.touch() if there == "file" else output.mkdir()
    with pytest.raises(UserError, match="no folder of scores"):
        ScoreTable(output, "a", CARD)


def test_a_source_without_images_is_an_error(tmp_path: Path) -> None:
    process = score_command(tmp_path, tmp_path / "s.parquet")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.strip() == f"deepfake: There is no image in {tmp_path}."


# --- the whole command ---


@pytest.mark.slow
def test_scores_are_those_of_judge_and_bad_files_have_reasons(archive: Path, scores: Path) -> None:
    found = rows(scores)
    assert [row["image"] for row in found] == [name for name in names(archive) if "/" in name]
    sample = found[::100]
    network = load_network(KERAS_FILE, default_cache(), threads=1)
    for row, judgement in zip(
        sample, judge(network, [archive / row["image"] for row in sample]), strict=True
    ):
        assert row["fake_probability"] == pytest.approx(judgement.fake_probability, abs=1e-6)
        assert row["verdict"] == judgement.verdict
        assert (row["width"], row["height"]) == (128, 128)
    bad = {row["image"]: row["reason"] for row in rows(scores.with_suffix(".bad.parquet"))}
    assert set(bad) == {"empty.jpg", "cut.jpg", "text.png"}
    assert "0 bytes" in bad["empty.jpg"]


@pytest.mark.slow
def test_tar_shards_give_the_same_scores(archive: Path, scores: Path, tmp_path: Path) -> None:
    for part in archive.glob("part-*"):
        with tarfile.open(tmp_path / f"{part.name}.tar", "w") as tar:
            tar.add(part, ".")
    score(tmp_path / "*.tar", tmp_path / "s.parquet")
    found = [row["fake_probability"] for row in rows(tmp_path / "s.parquet")]
    np.testing.assert_allclose(
        found, [row["fake_probability"] for row in rows(scores)], rtol=0, atol=1e-6
    )


def started(process: subprocess.Popen[str], output: Path, worker: str) -> list[psutil.Process]:
    """Wait for the first rows; return the processes that judge."""
    assert eventually(lambda: len(list(output.glob("*.parquet"))) >= 1, 120)
    return [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if worker in " ".join(child.cmdline())
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "worker"), [("local", "spawn_main"), ("ray", "MapWorker")], ids=["local", "ray"]
)
def test_killed_workers_and_a_killed_run_lose_and_double_nothing(
    archive: Path, scores: Path, tmp_path: Path, engine: str, worker: str
) -> None:
    output = tmp_path / "s.parquet"
    options = ("--engine", engine, "--workers", "2")
    process = score_command(archive, output, *options)
    workers = started(process, output, worker)
    assert workers
    workers[0].kill()
    before = len(list(output.glob("*.parquet")))
    family = psutil.Process(process.pid).children(recursive=True)
    eventually(lambda: len(list(output.glob("*.parquet"))) > before, 60)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    # Ours end at once; Ray's need a minute to notice, and can do no harm: they write nothing.
    assert engine == "ray" or eventually(lambda: not any(c.is_running() for c in family))
    for child in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    assert (output / RECORD).is_file()

    process = score_command(archive, output, *options)
    started(process, output, worker)
    time.sleep(1)
    for child in psutil.Process(process.pid).children(recursive=True):
        if worker in " ".join(child.cmdline()):
            child.kill()
            break
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    scored, bad, kept = map(int, re.findall(r"(\d+) (?:scored|bad|there)", out))
    assert kept > 0
    assert scored + bad + kept == IMAGES + 3

    found, expected = rows(output), rows(scores)
    assert [row["image"] for row in found] == [row["image"] for row in expected]
    for one, other in zip(found, expected, strict=True):
        assert one["fake_probability"] == pytest.approx(other["fake_probability"], abs=1e-6)
    assert rows(output.with_suffix(".bad.parquet")) == rows(scores.with_suffix(".bad.parquet"))
