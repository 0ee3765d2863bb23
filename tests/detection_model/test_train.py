"""`deepfake train` as a user types it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from deepfake_detection.image import Card
from deepfake_detection.image.card import sha256_of

pytestmark = pytest.mark.slow

DEEPFAKE = Path(sys.executable).with_name("deepfake")


def deepfake(*arguments: object, cache: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [DEEPFAKE, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"DEEPFAKE_CACHE": str(cache)},
    )


def train(data: Path, output: Path, *options: object, cache: Path):
    fixed = ("--data", data, "--output", output, "--batch-size", 16)
    return deepfake("train", "v3", *fixed, *options, cache=cache)


@pytest.fixture(scope="module")
def trained(sample_data, cache, tmp_path_factory):
    """A finished run of eight epochs."""
    output = tmp_path_factory.mktemp("workspace")
    done = train(sample_data, output, "--epochs", 8, "--data-name", "drawings", cache=cache)
    assert done.returncode == 0, done.stderr
    return output


def test_it_leaves_a_network_its_card_and_logs_and_nothing_else(trained):
    assert sorted(p.name for p in (trained / "models").iterdir()) == ["v3.json", "v3.keras"]
    log_files = [p for p in (trained / "logs" / "v3").rglob("*") if p.is_file()]
    assert {p.parent.name for p in log_files} == {"train", "validation"}
    assert sum(p.stat().st_size for p in log_files) <= 1_000_000


def test_the_network_is_float32_without_optimizer_state(trained):
    with zipfile.ZipFile(trained / "models" / "v3.keras") as archive:
        config = archive.read("config.json").decode()
        weights = archive.getinfo("model.weights.h5").file_size
    assert "mixed" not in config
    assert "Adam" not in config
    assert weights < 3_946_481 * 4 * 1.1


def test_the_card_tells_the_whole_story(trained):
    card = Card.load(trained / "models" / "v3.json")
    assert card.sha256 == sha256_of(trained / "models" / "v3.keras")
    assert (card.parameters, card.optimizer_variables) == (3_946_481, 7_892_964)
    assert card.training is not None
    assert card.training.data == "drawings"
    assert [epoch.epoch for epoch in card.training.history] == list(range(1, 9))
    best = max(card.training.history, key=lambda epoch: epoch.val_auc)
    assert card.training.best_epoch == best.epoch
    assert card.training.images["Train/unknown/fake"] == 64
    assert card.calibration.temperature != 1
    assert str(trained) not in card.model_dump_json()


def test_it_learned_which_class_is_fake(trained, sample_data, cache):
    measured = deepfake(
        "evaluate",
        trained / "models" / "v3.keras",
        "--data",
        sample_data,
        "--save",
        "--json",
        cache=cache,
    )
    assert measured.returncode == 0, measured.stderr
    assert json.loads(measured.stdout)["sources"]["all"]["auc"] > 0.9
    (evaluation,) = Card.load(trained / "models" / "v3.json").evaluations
    assert evaluation.split == "Test"
    assert evaluation.sources["all"].auc == json.loads(measured.stdout)["sources"]["all"]["auc"]


def test_publish_copies_network_card_and_logs(trained, cache, tmp_path):
    done = deepfake("publish", "v3", "--workspace", trained, "--served", tmp_path, cache=cache)
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == ["v3.json", "v3.keras"]
    assert list((tmp_path / "logs" / "tensorboard_logs" / "v3" / "train").iterdir())


def test_an_interrupted_run_keeps_its_best_and_resumes(sample_data, cache, tmp_path):
    command = [DEEPFAKE, "train", "v3", "--data", sample_data, "--output", tmp_path]
    process = subprocess.Popen(
        [str(part) for part in [*command, "--batch-size", "16", "--epochs", "40"]],
        env=os.environ | {"DEEPFAKE_CACHE": str(cache)},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    checkpoint = tmp_path / "models" / "v3.run" / "backup" / "training_metadata.json"
    deadline = time.monotonic() + 120
    while not (checkpoint.is_file() and '"epoch": 2' in checkpoint.read_text()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert "--resume" in told
    first = Card.load(tmp_path / "models" / "v3.json").training
    assert first is not None

    refused = train(sample_data, tmp_path, "--epochs", 40, cache=cache)
    assert refused.returncode == 1
    assert "unfinished run" in refused.stderr
    other = train(sample_data, tmp_path, "--resume", "--seed", 9, cache=cache)
    assert other.returncode == 1
    assert "seed = 1, not 9" in other.stderr

    done = train(sample_data, tmp_path, "--epochs", first.epochs + 1, "--resume", cache=cache)
    assert done.returncode == 0, done.stderr
    resumed = Card.load(tmp_path / "models" / "v3.json").training
    assert resumed is not None
    assert resumed.epochs == first.epochs + 1
    assert resumed.history[: first.epochs] == first.history
    assert not (tmp_path / "models" / "v3.run").exists()


def killed_at_backup(folder: Path, data: Path, cache: Path, epoch: int) -> Path:
    """Kill a training once its backup holds so many epochs; return the run's folder."""
    command = [DEEPFAKE, "train", "v3", "--data", data, "--output", folder, "--batch-size", 16]
    run = folder / "models" / "v3.run"
    backup = run / "backup" / "training_metadata.json"
    process = subprocess.Popen(
        [*map(str, command), "--epochs", "40"],
        env=os.environ | {"DEEPFAKE_CACHE": str(cache)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not (backup.is_file() and f'"epoch": {epoch}' in backup.read_text()):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.wait()
    return run


def test_a_run_killed_between_its_log_and_its_backup_resumes(sample_data, cache, tmp_path):
    run = killed_at_backup(tmp_path, sample_data, cache, epoch=2)
    history = run / "history.csv"
    header, first, second, *_ = history.read_text().splitlines(keepends=True)
    history.write_text(header + first + second + "2,0.5")
    done = train(sample_data, tmp_path, "--epochs", 4, "--resume", cache=cache)
    assert done.returncode == 0, done.stderr
    training = Card.load(tmp_path / "models" / "v3.json").training
    assert training is not None
    assert [epoch.epoch for epoch in training.history] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["v9"], "choose one of v1, v2, v3, v4"),
        (["v3", "--without", "blends"], "are v4's"),
        (["v4", "--without", "luck"], "There is no ingredient luck: choose of pretraining"),
        (["v4", "--photographs", "nowhere"], "There are no photographs in nowhere"),
        (["v3", "--precision", "float8"], "choose one of auto"),
        (["v3", "--data", "nowhere"], "No data set in nowhere"),
        (["v3", "--resume"], "no run to resume"),
        (["v3", "--name", "my network"], "cannot be called 'my network'"),
        (["v4", "--batch-size", 5], "give --batch-size an even number"),
    ],
)
def test_what_cannot_start_is_one_sentence(arguments, sentence, sample_data, cache, tmp_path):
    if "--data" not in arguments:
        arguments = [*arguments, "--data", sample_data]
    done = deepfake("train", *arguments, "--output", tmp_path, cache=cache)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("*.keras"))


def test_missing_validation_stops_before_training(sample_data, cache, tmp_path):
    shutil.copytree(sample_data, tmp_path / "data")
    shutil.rmtree(tmp_path / "data" / "Dataset" / "Validation")
    done = train(tmp_path / "data", tmp_path / "out", cache=cache)
    assert done.returncode == 1
    assert "Validation" in done.stderr
    assert "Epoch 1" not in done.stdout
    again = train(sample_data, tmp_path / "out", "--epochs", 1, cache=cache)
    assert again.returncode == 0, again.stderr


def test_v4_is_trained_on_faces_and_says_so(sample_data, cache, tmp_path):
    """With photographs of another origin beside the data."""
    photographs = tmp_path / "others"
    photographs.mkdir()
    for number, path in enumerate(sorted((sample_data / "Dataset/Test/Real").iterdir())[:12]):
        shutil.copy(path, photographs / f"{number}.jpg")
    options = ["--data", sample_data, "--output", tmp_path, "--photographs", photographs]
    done = deepfake("train", "v4", *options, "--epochs", 1, cache=cache)
    assert done.returncode == 0, done.stderr

    card = Card.load(tmp_path / "models" / "v4.json")
    assert (card.crop, card.margin) == ("face", 1.3)
    assert (card.input.height, card.input.value_range) == (224, (0, 255))
    assert card.parameters == 3_351_281
    assert "--photographs PHOTOGRAPHS" in card.training.command
    assert card.training.images["Train/others/real"] == 8
    assert sum(f.stat().st_size for f in (tmp_path / "logs/v4").rglob("events*")) <= 1_000_000

    measured = deepfake(
        "evaluate",
        tmp_path / "models" / "v4.keras",
        *("--photographs", photographs, "--save"),
        cache=cache,
    )
    assert measured.returncode == 0, measured.stderr
    (evaluation,) = Card.load(tmp_path / "models" / "v4.json").evaluations
    assert (evaluation.data, evaluation.split) == ("others", "Test")
    assert (evaluation.sources["all"].real, evaluation.sources["all"].fake) == (2, 0)


def test_v4_killed_in_its_first_epoch_starts_again_from_the_prepared_weights(
    sample_data, cache, tmp_path
):
    options = ("--data", sample_data, "--output", tmp_path, "--epochs", 1)
    whole = ("--without", "face-crops")
    command = [DEEPFAKE, "train", "v4", *options, *whole]
    process = subprocess.Popen(
        [str(part) for part in command],
        env=os.environ | {"DEEPFAKE_CACHE": str(cache), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert any("Preparing the weights" in line for line in process.stderr)
    process.kill()
    process.communicate()
    done = deepfake("train", "v4", *options, *whole, "--resume", cache=cache)
    assert done.returncode == 0, done.stderr
    assert "Preparing the weights" in done.stderr
    # What learned from whole images must be shown whole images.
    assert Card.load(tmp_path / "models" / "v4.json").crop == "whole"
