"""Several devices train the network that one device trains."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deepfake_detection.image import Card

pytestmark = pytest.mark.slow

# Logical devices must be set up before TensorFlow starts, hence the process of its own.
TWO_DEVICES = """
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
half = tf.config.LogicalDeviceConfiguration()
tf.config.set_logical_device_configuration(cpu, [half, half])
data, output = map(Path, sys.argv[1:])
"""
TRAIN = """
from deepfake_detection.errors import UserError
from deepfake_detection.training.runs import options_for
from deepfake_detection.training.train import train

def run(name, **options):
    train(options_for("v1", data=data, output=output, name=name, epochs=1, **options))

run("one", batch_size=8)
run("two", batch_size=8, distribute=True)
try:
    run("odd", batch_size=7, distribute=True)
except UserError as error:
    print(error)
"""
COMPARE = """
from deepfake_detection.training.dataset import read_split
from deepfake_detection.training.networks import REFERENCE_INPUT, build_v1
from deepfake_detection.training.pixels import batches, decode_split

split = decode_split(read_split(data, "Train"), REFERENCE_INPUT, cache=output)
weights = []
for devices in (["CPU:0"], ["CPU:0", "CPU:1"]):
    keras.utils.set_random_seed(1)
    with tf.distribute.MirroredStrategy(devices).scope():
        network = build_v1()
        network.compile("sgd", "binary_crossentropy", jit_compile=False)
    network.fit(batches(split, REFERENCE_INPUT, 8, whole_only=True), shuffle=False, verbose=0)
    weights.append(network.get_weights())
print(max(np.abs(a - b).max() for a, b in zip(*weights)))
"""


@pytest.fixture
def odd_data(sample_data: Path, tmp_path: Path) -> Path:
    """One image more than whole batches hold: no device may be left without a share."""
    for split, count in (("Train", 12), ("Validation", 8)):
        for name in ("Fake", "Real"):
            target = tmp_path / "Dataset" / split / name
            target.mkdir(parents=True)
            files = sorted((sample_data / "Dataset" / split / name).iterdir())
            for file in files[: count + (name == "Fake")]:
                (target / file.name).hardlink_to(file)
    return tmp_path


def test_two_devices_leave_the_same_kind_of_file(
    odd_data: Path, tmp_path: Path, cache: Path
) -> None:
    output = _run(TRAIN, odd_data, tmp_path / "out", cache)

    models = tmp_path / "out" / "models"
    one, two = (Card.load(models / f"{name}.json") for name in ("one", "two"))
    assert two.optimizer_variables == one.optimizer_variables == 7_393_252
    assert two.parameters == one.parameters
    assert two.input == one.input
    assert "give --batch-size a multiple of 2" in output
    assert sorted(path.name for path in models.iterdir()) == [
        "one.json",
        "one.keras",
        "two.json",
        "two.keras",
    ]


def test_two_devices_take_the_same_steps(odd_data: Path, tmp_path: Path, cache: Path) -> None:
    difference = float(_run(COMPARE, odd_data, tmp_path / "out", cache).splitlines()[-1])

    assert difference < 1e-5


def _run(script: str, data: Path, output: Path, cache: Path) -> str:
    environment = os.environ | {"DEEPFAKE_CACHE": str(cache), "TF_CPP_MIN_LOG_LEVEL": "3"}
    finished = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES + script, str(data), str(output)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout
