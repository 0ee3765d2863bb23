"""Every notebook runs to its last cell on generated data."""

from pathlib import Path

import numpy as np
import pytest

from deepfake_detection.image import Card
from deepfake_detection.image.card import EpochScores, Evaluation, InputSpec, TrainingRecord
from deepfake_detection.training import metrics
from deepfake_detection.training.sample_data import BANNER

from .conftest import Execute, text_of

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("network", ["v1", "v2", "v3", "v4"])
def test_training_notebook_publishes_a_network(
    network: str, execute: Execute, sample: Path, tmp_path: Path
) -> None:
    notebook = execute(f"train_{network}", {"DATA": sample, "ROOT": tmp_path, "EPOCHS": 1})

    served = tmp_path / "webapp-backend/workspace"
    card = Card.load(served / "model" / f"{network}.json")
    (evaluation,) = card.evaluations
    assert card.training is not None
    assert card.training.epochs == 1
    assert evaluation.sources["all"].real == evaluation.sources["all"].fake == 16
    assert len(evaluation.robustness) == 10
    assert (served / "model" / f"{network}.keras").is_file()
    assert list((served / "logs/tensorboard_logs" / network).rglob("events.*"))
    assert f"{card.parameters:,}" in text_of(notebook)
    assert f"{card.optimizer_variables:,}" in text_of(notebook)


def test_comparison_shows_every_card(execute: Execute, tmp_path: Path) -> None:
    served = tmp_path / "webapp-backend/workspace/model"
    trained = tmp_path / "detection-model/workspace/models"
    for folder, name in ((served, "v1"), (served, "v2"), (trained, "of-my-own")):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.keras").touch()
        _card(name).save(folder / f"{name}.json")

    text = text_of(execute("compare_models", {"ROOT": tmp_path}))

    assert "3 networks: v1, v2, of-my-own" in text
    assert "3,696,625" in text
    assert "7,393,252" in text


def test_comparison_without_cards_says_what_to_do(execute: Execute, tmp_path: Path) -> None:
    assert "run train_v1 first" in text_of(execute("compare_models", {"ROOT": tmp_path}))


def test_without_data_the_drawings_are_announced(
    execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing listens on the discard port, so Kaggle cannot be reached.
    monkeypatch.setenv("KAGGLE_API_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "kagglehub"))

    notebook = execute("train_v3", {"ROOT": tmp_path}, until="describe()")

    assert " ".join(BANNER.split()[:5]) in text_of(notebook)
    assert (tmp_path / "detection-model/workspace/data/sample/Dataset/Train/Fake").is_dir()


def _card(name: str) -> Card:
    random = np.random.default_rng(0)
    labels = np.repeat(np.float32([0, 1]), 50)
    p = np.clip(random.normal(0.35 + 0.3 * labels, 0.2), 0, 1)
    scores = metrics.scores(p, labels, [str(i) for i in range(100)])
    history = [
        EpochScores(
            epoch=epoch,
            loss=1 / epoch,
            accuracy=1 - 0.4 / epoch,
            auc=1 - 0.4 / epoch,
            val_loss=0.5 + 0.1 * epoch,
            val_accuracy=0.7,
            val_auc=0.8,
        )
        for epoch in (1, 2, 3)
    ]
    return Card(
        name=name,
        version="1.0",
        sha256="0" * 64,
        input=InputSpec(height=256, width=256),
        parameters=3_696_625,
        optimizer_variables=7_393_252,
        training=TrainingRecord(
            command="deepfake train",
            date="2026-01-01",
            data="numbers",
            epochs=3,
            best_epoch=2,
            history=history,
            precision="float32",
            seed=1,
            seconds=1,
        ),
        evaluations=[
            Evaluation(
                data="numbers",
                split="Test",
                command="deepfake evaluate",
                date="2026-01-01",
                sources={"all": scores, "one": scores},
                roc=metrics.roc(p, labels),
                reliability=metrics.reliability(p, labels),
                robustness={"blur": scores},
            )
        ],
    )
