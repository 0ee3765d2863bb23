"""`deepfake predict`, as it is typed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deepfake_detection import cli
from deepfake_detection.inference import BATCH, judge

from ..networks import NetworkFactory
from ..portraits import PORTRAIT, scene


@pytest.fixture
def run(tmp_path: Path):
    """Run the command with a network that judges faces."""
    network = NetworkFactory(tmp_path / "model", tmp_path / "cache")("faces", crop="face")

    def predict(*arguments: object, status: int = 0) -> str:
        code = "from deepfake_detection.cli import run; run()"
        command = [sys.executable, "-c", code, "predict", "--model", network, *arguments]
        done = subprocess.run(
            [str(part) for part in command],
            env=os.environ | {"DEEPFAKE_CACHE": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stderr
        return done.stdout

    return predict


def results(output: str) -> list[dict[str, Any]]:
    answer = json.loads(output)
    assert answer["model"] == "faces"
    return answer["results"]


def test_the_table_has_scores_verdicts_reasons_and_faces(run, tmp_path):
    group, nobody = tmp_path / "group.png", tmp_path / "nobody.png"
    scene([120, 25], width=600, height=400).save(group)
    scene([]).save(nobody)
    lines = run(group, nobody, PORTRAIT, "--second-look").splitlines()
    cells = [[cell.strip() for cell in line.split("\u2502")] for line in lines]
    by_file = {Path(row[1]).name: row[2:] for row in cells if len(row) > 4}
    assert by_file["group.png"][2] == "2, 1 too small"
    assert by_file["nobody.png"][1] == "inconclusive (no face)"
    assert by_file["astronaut.jpg"][2] == "1"
    assert " to " in by_file["astronaut.jpg"][0]


def test_the_json_has_what_the_interface_answers(run):
    (result,) = results(run(PORTRAIT, "--json", "--explain", "--second-look"))
    (face,) = result["faces"]
    assert face["decided"]
    assert face["fake_probability"] == result["fake_probability"]
    assert face["heat_map"]["method"] == "occlusion"
    assert result["second_look"]["lowest"] <= result["second_look"]["highest"]
    (plain,) = results(run(PORTRAIT, "--json", "--faces", "off"))
    assert (plain["faces"], plain["heat_map"], plain["second_look"]) == ([], None, None)


def test_one_that_cannot_be_read_is_told_and_the_status_is_1(run, tmp_path):
    empty = tmp_path / "empty.jpg"
    empty.touch()
    good, bad = results(run(PORTRAIT, empty, "--json", status=1))
    assert "fake_probability" in good
    assert "0 bytes" in bad["problem"]
    assert "0 bytes" in run(empty, status=1)


def test_many_images_are_judged_some_at_a_time(tmp_path, monkeypatch, capsys):
    sizes = []

    def counted(network, sources, **options):
        sizes.append(len(sources))
        return judge(network, sources, **options)

    network = NetworkFactory(tmp_path / "model", tmp_path / "cache")("faces")
    monkeypatch.setenv("DEEPFAKE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cli, "judge", counted)
    images = [PORTRAIT] * (BATCH + 8)
    cli.predict(images, model=str(network), faces=cli.Faces.off, as_json=True)
    assert len(results(capsys.readouterr().out)) == len(images)
    assert sizes == [BATCH, 8]
