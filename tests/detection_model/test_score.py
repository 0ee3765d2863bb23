"""``deepfake score``: every image once, whatever is killed in between, alike on both engines."""

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from deepfake_detection.errors import UserError
from deepfake_detection.image import Card
from deepfake_detection.image.card import Calibration, InconclusiveBand
from deepfake_detection.inference import Network, judge, load_network
from deepfake_detection.inference.archive import SUFFIXES, archive_images, full_name, units
from deepfake_detection.inference.score import ENGINES, Row, ScoredUnit, Task, rows_of
from deepfake_detection.inference.score_table import RECORD, SCORES, ScoreTable, fill
from tests.conftest import BUNDLED, eventually
from tests.detection_model.images import encoded
from tests.networks import NetworkFactory
from tests.portraits import PORTRAIT, scene

CARD = Card.load(BUNDLED / "model" / "v3.json")
IMAGES = 1000


def names(source: Path | str) -> list[str]:
    return [image.name for image in archive_images(str(source))]


def rows(table: Path) -> list[dict[str, object]]:
    """In the order of the images and their faces."""
    found = pq.read_table(table).to_pylist()
    return sorted(found, key=lambda row: (row["image"], row.get("face") or 0))


def deepfake(*words: object, model: Path) -> subprocess.Popen[str]:
    """Start the command with a network of ``networks``, or a bundled one."""
    command = [Path(sys.executable).with_name("deepfake"), *words, "--model", model]
    cache = model.parents[1] / "cache"
    return subprocess.Popen(
        [str(word) for word in command],
        env=os.environ | ({"DEEPFAKE_CACHE": str(cache)} if cache.exists() else {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def done(process: subprocess.Popen[str]) -> str:
    """Wait for the command's end; return what it printed."""
    out, err = finished(process)
    assert process.returncode == 0, err
    return out.strip()


def told(process: subprocess.Popen[str]) -> str:
    """Wait for the command's failure; return its sentence."""
    _, err = finished(process)
    assert process.returncode == 1, err
    return err.strip().splitlines()[-1]


def finished(process: subprocess.Popen[str]) -> tuple[str, str]:
    try:
        return process.communicate(timeout=240)
    finally:
        process.kill()


def fake_engine(missing):
    """Scores units without a network: two faces an image."""
    for unit in missing:
        good = [Row(i.name, 0.5, "fake", None, 1, 1) for i in unit.images if "bad" not in i.name]
        faces = [row._replace(face=n, decided=n == 0) for row in good for n in range(2)]
        bad = [(i.name, "It is bad.") for i in unit.images if "bad" in i.name]
        yield ScoredUnit(unit, faces, bad)


def fill_all(output: Path, source: Path):
    table = ScoreTable(output, str(source), CARD, "auto")
    *_, tally = fill(table, str(source), fake_engine)
    return tally.scored, tally.bad, tally.kept


def touch(folder: Path, *files: str) -> Path:
    for file in files:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Networks that answer by brightness; one judges faces, one whole images."""
    root = tmp_path_factory.mktemp("networks")
    factory = NetworkFactory(root / "model", root / "cache")
    return {crop: factory(crop, crop=crop) for crop in ("face", "whole")}


def opened(keras_file: Path) -> Network:
    return load_network(keras_file, keras_file.parents[1] / "cache", threads=1)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A thousand images of no face to three, and three that are bad."""
    folder = tmp_path_factory.mktemp("archive")
    # Without a face the detector takes five times as long, so one of 24 is enough.
    faces = [[], *([[60], [52, 50], [60, 20], [48, 45]] * 6)][:24]
    scenes = [
        scene(sizes, width=256, height=150, brightest=seed % 3) for seed, sizes in enumerate(faces)
    ]
    for number in range(IMAGES):
        part = folder / f"part-{number // 250}"
        part.mkdir(exist_ok=True)
        image = encoded(scenes[number % 24], quality=50 + number // 24)
        (part / f"{number:05}.jpg").write_bytes(image)
    (folder / "empty.jpg").touch()
    (folder / "cut.jpg").write_bytes(encoded(scenes[0])[:500])
    (folder / "text.png").write_text("no image")
    return folder


@pytest.fixture(scope="module")
def scores(
    archive: Path, networks: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The archive scored without any trouble."""
    output = tmp_path_factory.mktemp("scores") / "scores.parquet"
    out = done(deepfake("score", archive, "--output", output, model=networks["face"]))
    assert out.startswith(f"{IMAGES} images scored, 3 bad, 0 there already")
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


def packed(shard: Path, *files: str, format: int = tarfile.PAX_FORMAT) -> bytearray:  # noqa: A002
    """A shard of files of 1,000 bytes, each in three blocks of 512 with its header."""
    with tarfile.open(shard, "w", format=format) as tar:
        for name in files:
            member = tarfile.TarInfo(name)
            member.size = 1000
            tar.addfile(member, io.BytesIO(bytes(range(250)) * 4))
    return bytearray(shard.read_bytes())


@pytest.mark.parametrize(
    "damage", ["header", "zeroed", "negative", "endless", "no end", "appended", "nested"]
)
def test_damage_after_the_first_member_is_told(tmp_path: Path, damage: str) -> None:
    shard = tmp_path / "a.tar"
    data = packed(shard, "0.jpg", "1.jpg")
    second = data[1536:2048]
    match damage:
        case "header":
            data[1536:1546] = b"xxxxxxxxxx"
        case "zeroed":
            data[1536:2048] = bytes(512)
        case "negative":
            data[1536:2048] = resized(second, b"\xff" + (2**88 - 1536).to_bytes(11))
        case "endless":
            data[1536:2048] = resized(second, b"\x80" + (2**87).to_bytes(11))
        case "no end":
            data = data[:3072]
        case "appended":
            data += packed(tmp_path / "b.tar", "2.jpg")
            (tmp_path / "b.tar").unlink()
        case "nested":
            long_name = tarfile.TarInfo("././@LongLink")
            long_name.type = tarfile.GNUTYPE_LONGNAME
            data[1536:2048] = long_name.tobuf() * 2000
    shard.write_bytes(data)
    *images, problem = archive_images(str(tmp_path))
    assert problem.name == "a.tar"
    assert "damaged" in problem.problem
    kept = ["a.tar/0.jpg", "a.tar/1.jpg"]
    assert [image.name for image in images if not image.problem] in (kept, kept[:1])


def resized(header: bytes, size: bytes) -> bytes:
    """A tar header with another size, of twelve bytes, and the sum that goes with it."""
    header = header[:124] + size + header[136:148] + b" " * 8 + header[156:]
    return header[:148] + b"%06o\0 " % sum(header) + header[156:]


def test_an_empty_shard_is_no_damage(tmp_path: Path) -> None:
    packed(tmp_path / "a.tar")
    packed(tmp_path / "b.tar", "notes.txt", "1.jpg")
    assert [(i.name, i.problem) for i in archive_images(str(tmp_path))] == [("b.tar/1.jpg", None)]


def test_links_within_a_shard_are_told(tmp_path: Path) -> None:
    packed(tmp_path / "a.tar", "1.jpg")
    with tarfile.open(tmp_path / "a.tar", "a") as tar:
        for name, kind in (("2.jpg", tarfile.LNKTYPE), ("3.jpg", tarfile.SYMTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "1.jpg"
            tar.addfile(member)
        for name, kind in (("4.jpg", tarfile.FIFOTYPE), ("folder.jpg", tarfile.DIRTYPE)):
            member = tarfile.TarInfo(name)
            member.type = kind
            tar.addfile(member)
    problems = {image.name: image.problem for image in archive_images(str(tmp_path))}
    assert list(problems) == [f"a.tar/{number}.jpg" for number in range(1, 5)]
    assert problems["a.tar/1.jpg"] is None
    assert problems["a.tar/2.jpg"] == problems["a.tar/3.jpg"]
    assert "a link to 1.jpg" in problems["a.tar/2.jpg"]
    assert "no plain file" in problems["a.tar/4.jpg"]


def test_a_bad_link_hides_none_of_its_neighbours(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "z.jpg", "folder/1.jpg")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "gone").symlink_to("nowhere")
    problems = {image.name: image.problem for image in archive_images(str(tmp_path))}
    assert list(problems) == ["a.jpg", "circle", "folder/1.jpg", "z.jpg"]
    assert "symbolic links" in problems["circle"]


def test_links_back_to_a_folder_list_nothing_twice(tmp_path: Path) -> None:
    touch(tmp_path / "in", "1.jpg", "deep/2.jpg")
    (tmp_path / "in" / "self").symlink_to(".")
    (tmp_path / "in" / "deep" / "top").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "other").symlink_to("deep")
    assert names(tmp_path / "in") == ["1.jpg", "deep/2.jpg", "other/2.jpg"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_file_lists_of_other_encodings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.chdir(touch(tmp_path, "1.jpg"))
    Path("list.txt").write_text("1.jpg\n", encoding=encoding)
    if encoding == "utf-8-sig":
        assert names("list.txt") == ["1.jpg"]
    else:
        with pytest.raises(UserError, match="save it as UTF-8"):
            names("list.txt")


def test_a_path_too_long_to_be_looked_at_is_listed(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("x" * 300 + ".jpg\n")
    assert names(tmp_path / "list.txt") == ["x" * 300 + ".jpg"]


def test_a_source_is_the_same_from_every_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a/in/1.jpg", "b/in/1.jpg", "list.txt")
    (tmp_path / "link").symlink_to("a")
    monkeypatch.chdir(tmp_path / "a")
    first = full_name("in")
    listed = full_name("../list.txt")
    assert first == full_name("in/") == full_name(str(tmp_path / "link" / "in"))
    assert full_name("*/*.jpg") == str(tmp_path / "a" / "*" / "*.jpg")
    monkeypatch.chdir(tmp_path / "b")
    assert full_name("in") != first
    # Its lines stand for other files here.
    assert full_name("../list.txt") != listed


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
    assert [row["image"] for row in rows(output) if row["decided"]] == names(source)[:-2]
    assert pq.read_table(output).num_rows == 2 * 1999
    assert [row["image"] for row in rows(tmp_path / "s.bad.parquet")] == ["bad.jpg", "bad2.jpg"]
    assert not list(output.glob("*.partial"))


def test_a_unit_done_again_without_bad_ones_leaves_none(tmp_path: Path) -> None:
    """Killed between both files, mended, and scored again."""
    (unit,) = units(archive_images(str(touch(tmp_path / "in", "1.jpg"))))
    table = ScoreTable(tmp_path / "s.parquet", "in", CARD, "auto")
    table.write(ScoredUnit(unit, [], [("1.jpg", "It is bad.")]))
    (tmp_path / "s.parquet" / f"{unit.key}.parquet").unlink()
    table.write(ScoredUnit(unit, [Row("1.jpg", 0.5, "real", None, 1, 1)], []))
    assert not list((tmp_path / "s.bad.parquet").iterdir())


def test_the_columns_are_those_of_a_row() -> None:
    assert tuple(SCORES.names) == Row._fields


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"sha256": "0" * 64}, "another network file;"),
        ({"calibration": Calibration(temperature=2)}, "another calibration or input in the card;"),
        ({"inconclusive": InconclusiveBand(low=0.1, high=0.9)}, "another calibration"),
        ({"crop": "face"}, "another calibration"),
        ({"margin": 2.0}, "another calibration"),
        ({"class_order": ("fake", "real")}, "another calibration"),
        ({"summary": "Other words", "evaluations": []}, None),
    ],
)
def test_a_table_takes_rows_of_one_card_only(tmp_path: Path, change, told: str | None) -> None:
    output = tmp_path / "s.parquet"
    card = CARD.model_copy(update={"class_order": ("real", "fake"), "margin": 1.3})
    ScoreTable(output, "a", card, "auto")
    changed = card.model_copy(update=change)
    if told is None:
        ScoreTable(output, "a", changed, "auto")
    else:
        with pytest.raises(UserError, match=told):
            ScoreTable(output, "a", changed, "auto")


def test_a_table_takes_no_other_source_and_no_other_faces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a/in/1.jpg", "b/in/1.jpg")
    output = tmp_path / "s.parquet"
    monkeypatch.chdir(tmp_path / "a")
    ScoreTable(output, "in", CARD, "auto")
    with pytest.raises(UserError, match="another --faces;"):
        ScoreTable(output, "in", CARD, "off")
    monkeypatch.chdir(tmp_path / "b")
    ScoreTable(output, "../a/in", CARD, "auto")
    with pytest.raises(UserError, match="another source;"):
        ScoreTable(output, "in", CARD, "auto")


def test_the_output_may_be_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_all(tmp_path / "s.parquet", touch(tmp_path / "in", "1.jpg", "bad.jpg"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"^\. is there already and no folder of scores"):
        ScoreTable(Path(), "in", CARD, "auto")
    monkeypatch.chdir(tmp_path / "s.parquet")
    assert fill_all(Path(), tmp_path / "in") == (0, 0, 2)
    touch(tmp_path / "in", "bad2.jpg")
    fill_all(Path(), tmp_path / "in")
    assert [row["image"] for row in rows(tmp_path / "s.bad.parquet")] == ["bad.jpg", "bad2.jpg"]


@pytest.mark.parametrize("there", ["file", "folder"])
def test_nothing_of_somebody_elses_is_written_over(tmp_path: Path, there: str) -> None:
    output = tmp_path / "s.parquet"
    output.touch() if there == "file" else output.mkdir()
    with pytest.raises(UserError, match="no folder of scores"):
        ScoreTable(output, "a", CARD, "auto")


# --- what a row says ---


def test_each_scored_face_has_a_row(networks: dict[str, Path]) -> None:
    image = encoded(scene([150, 120, 30], width=800, height=400, brightest=1))
    (judgement,) = judge(opened(networks["face"]), [image])
    assert len(judgement.faces) == 3
    large, small = rows_of("a.jpg", judgement)
    assert (large.face, small.face) == (0, 1)
    assert (large.decided, small.decided) == (False, True)
    assert large.face_fake_probability < small.face_fake_probability == small.fake_probability
    assert large[:6] == small[:6] == ("a.jpg", judgement.fake_probability, "fake", None, 800, 400)
    face = judgement.faces[1]
    box = (face.left, face.top, face.right - face.left, face.bottom - face.top)
    assert box == (small.face_x, small.face_y, small.face_width, small.face_height)
    assert small.face_score == face.score > 0.5


@pytest.mark.parametrize(
    ("crop", "faces", "reason"),
    [
        ("face", [], "no_face"),
        ("face", [20], "faces_too_small"),
        ("whole", [], "no_face"),
        ("whole", [150, 120], None),
    ],
)
def test_an_image_judged_as_a_whole_has_one_row(
    networks: dict[str, Path], crop: str, faces: list[int], reason: str | None
) -> None:
    image = encoded(scene(faces, width=600, height=400))
    (judgement,) = judge(opened(networks[crop]), [image])
    (row,) = rows_of("a.jpg", judgement)
    assert row.reason == reason
    assert (row.verdict == "inconclusive") == (reason is not None)
    assert row.decided
    assert row[7:] == (None,) * 7


# --- the whole command ---


def test_a_source_without_images_is_an_error(tmp_path: Path, networks: dict[str, Path]) -> None:
    process = deepfake(
        "score", tmp_path, "--output", tmp_path / "s.parquet", model=networks["face"]
    )
    assert told(process) == f"deepfake: There is no image in {tmp_path}."


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few images: without a face, with small ones, with one and with several."""
    folder = tmp_path_factory.mktemp("gallery")
    for name, faces in {"nobody": [], "tiny": [20], "pair": [150, 120]}.items():
        scene(faces, width=800, height=400, brightest=1).save(folder / f"{name}.png")
    (folder / "portrait.jpg").write_bytes(PORTRAIT.read_bytes())
    return folder


@pytest.mark.parametrize(
    ("model", "faces"),
    [("face", "auto"), ("whole", "auto"), ("v3", "auto"), ("v4", "auto"), ("whole", "off")],
)
def test_score_and_predict_say_the_same(
    gallery: Path, networks: dict[str, Path], tmp_path: Path, model: str, faces: str
) -> None:
    file = networks.get(model, BUNDLED / "model" / f"{model}.keras")
    output, option = tmp_path / "s.parquet", ("--faces", faces)
    done(deepfake("score", gallery, "--output", output, "--workers", 1, *option, model=file))
    predicted = done(deepfake("predict", *sorted(gallery.iterdir()), "--json", *option, model=file))
    results = json.loads(predicted)["results"]
    found = [row for row in rows(output) if row["decided"]]
    assert [row["image"] for row in found] == [Path(r["file"]).name for r in results]
    for row, result in zip(found, results, strict=True):
        assert row["fake_probability"] == pytest.approx(result["fake_probability"], abs=1e-6)
        assert (row["verdict"], row["reason"]) == (result["verdict"], result["reason"])
    by_name = {row["image"]: (row["verdict"], row["reason"]) for row in found}
    if faces == "auto":
        assert by_name["nobody.png"] == ("inconclusive", "no_face")
        assert by_name["tiny.png"] == ("inconclusive", "faces_too_small")
    else:
        assert by_name["nobody.png"][1] != "no_face"
    of_pair = sum(row["image"] == "pair.png" for row in rows(output))
    assert of_pair == (2 if faces == "auto" and model in ("face", "v4") else 1)


# Ray warns of its own settings where it runs in the test's process.
@pytest.mark.filterwarnings(r"ignore::DeprecationWarning:ray\..*")
@pytest.mark.parametrize("engine", ["local", pytest.param("ray", marks=pytest.mark.slow)])
def test_a_worker_that_cannot_open_the_network_says_so(gallery: Path, engine: str) -> None:
    task = Task(gallery / "missing.keras", gallery, "auto")
    with pytest.raises(UserError, match=r"A worker cannot open .*missing\.keras: .*No such file"):
        list(ENGINES[engine](units(archive_images(str(gallery))), task, 1))


@pytest.mark.slow
def test_rows_are_those_of_judge_and_bad_files_have_reasons(
    archive: Path, scores: Path, networks: dict[str, Path]
) -> None:
    found = rows(scores)
    images = [row["image"] for row in found if row["decided"]]
    assert images == [name for name in names(archive) if "/" in name]
    assert len(found) > 1.3 * IMAGES
    sample = images[::101]
    judgements = judge(opened(networks["face"]), [archive / name for name in sample])
    for name, judgement in zip(sample, judgements, strict=True):
        expected = [row._asdict() for row in rows_of(name, judgement)]
        assert_same([row for row in found if row["image"] == name], expected)
    bad = {row["image"]: row["reason"] for row in rows(scores.with_suffix(".bad.parquet"))}
    assert set(bad) == {"empty.jpg", "cut.jpg", "text.png"}
    assert "0 bytes" in bad["empty.jpg"]


@pytest.mark.slow
def test_tar_shards_give_the_same_rows(
    archive: Path, scores: Path, networks: dict[str, Path], tmp_path: Path
) -> None:
    for part in archive.glob("part-*"):
        with tarfile.open(tmp_path / f"{part.name}.tar", "w") as tar:
            tar.add(part, ".")
    output = tmp_path / "s.parquet"
    done(deepfake("score", tmp_path / "*.tar", "--output", output, model=networks["face"]))
    found = rows(output)
    for row in found:
        row["image"] = row["image"].removeprefix(f"{tmp_path}/").replace(".tar/./", "/")
    assert_same(found, rows(scores))


def assert_same(found: list[dict[str, object]], expected: list[dict[str, object]]) -> None:
    """Equal but for what the other images of a batch do to the last bits of a probability."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, abs=1e-6)


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
    archive: Path,
    scores: Path,
    networks: dict[str, Path],
    tmp_path: Path,
    engine: str,
    worker: str,
) -> None:
    output = tmp_path / "s.parquet"
    words = ("score", archive, "--output", output, "--engine", engine, "--workers", 2)
    process = deepfake(*words, model=networks["face"])
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

    process = deepfake(*words, model=networks["face"])
    started(process, output, worker)
    time.sleep(1)
    for child in psutil.Process(process.pid).children(recursive=True):
        if worker in " ".join(child.cmdline()):
            child.kill()
            break
    counts = re.findall(r"(\d+) (?:images scored|bad|there)", done(process))
    scored, bad, kept = map(int, counts)
    assert kept > 0
    assert scored + bad + kept == IMAGES + 3

    assert_same(rows(output), rows(scores))
    assert rows(output.with_suffix(".bad.parquet")) == rows(scores.with_suffix(".bad.parquet"))
