"""The pipeline learns what the folders say; mixed-up labels show in the result."""

from collections.abc import Callable
from pathlib import Path

import keras
import pytest
from sklearn.metrics import roc_auc_score

from deepfake_detection.training.dataset import read_split
from deepfake_detection.training.networks import REFERENCE_INPUT, build_v1
from deepfake_detection.training.pixels import batches, decode_split
from deepfake_detection.training.precision import dtype_policy, resolve_precision
from deepfake_detection.training.sample_data import make_sample_data

pytestmark = pytest.mark.slow


def _leave(_train: Path) -> None:
    pass


def _flip(train: Path) -> None:
    (train / "Fake").rename(train / "aside")
    (train / "Real").rename(train / "Fake")
    (train / "aside").rename(train / "Real")


def _shuffle(train: Path) -> None:
    """Every second image changes sides, so that the folders say nothing of the class."""
    files = {name: sorted((train / name).iterdir()) for name in ("Fake", "Real")}
    for name, other in (("Fake", "Real"), ("Real", "Fake")):
        for file in files[name][::2]:
            file.rename(train / other / file.name)


@pytest.mark.parametrize(
    ("mix_up", "low", "high"),
    [(_leave, 0.9, 1.0), (_flip, 0.0, 0.1), (_shuffle, 0.2, 0.8)],
    ids=["as they are", "flipped", "shuffled"],
)
def test_auc_on_test(
    mix_up: Callable[[Path], None], low: float, high: float, tmp_path: Path
) -> None:
    data = make_sample_data(tmp_path, {"Train": 96, "Test": 32})
    mix_up(data / "Dataset" / "Train")

    assert low <= _trained_auc(data) <= high


def _trained_auc(data: Path) -> float:
    train, test = (
        decode_split(read_split(data, split), REFERENCE_INPUT, cache=data)
        for split in ("Train", "Test")
    )
    keras.utils.set_random_seed(1)
    with dtype_policy(resolve_precision("auto")):
        network = build_v1()
    network.compile(optimizer="adam", loss="binary_crossentropy", jit_compile=False)
    shuffled = batches(train, REFERENCE_INPUT, 8, shuffle_seed=1)
    network.fit(shuffled, epochs=3, shuffle=False, verbose=0)
    p = network.predict(batches(test, REFERENCE_INPUT, 32), verbose=0)
    return float(roc_auc_score(test.labels, p[:, 0]))
