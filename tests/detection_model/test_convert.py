"""What happens to a `.keras` file before it may answer."""

import contextlib
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from deepfake_detection.image import Card
from deepfake_detection.image.card import InputSpec, sha256_of
from deepfake_detection.inference import UnusableModel, convert, load_network

pytestmark = pytest.mark.slow


@pytest.fixture
def keras():
    import keras

    keras.utils.set_random_seed(4)
    return keras


def save(keras, path, layers, shape=(24, 16, 3)):
    network = keras.Sequential([keras.Input(shape), *layers])
    network.save(path)
    return network


def small(keras, units=1, activation="sigmoid"):
    return [
        keras.layers.Conv2D(4, 3, activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(units, activation=activation),
    ]


def images(spec, count=3):
    shape = (count, spec.height, spec.width, spec.channels)
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def test_a_file_without_card_is_read_by_the_documents_rule(keras, cache, tmp_path):
    path = tmp_path / "tiny.keras"
    original = save(keras, path, small(keras))
    network = load_network(path, cache)
    spec = network.card.input
    assert (spec.height, spec.width, spec.channels) == (24, 16, 3)
    assert spec.value_range == (0, 1)
    assert not network.reading.proven
    pixels = images(spec)
    expected = np.asarray(original(pixels / np.float32(255)))[:, 0]
    assert np.allclose(network.fake_probabilities(pixels), expected, atol=1e-5)
    flipped = load_network(path, cache, flip=True)
    assert np.allclose(flipped.fake_probabilities(pixels), 1 - expected, atol=1e-5)


def test_two_softmax_units_are_fake_and_real(keras, cache, tmp_path):
    path = tmp_path / "two.keras"
    original = save(keras, path, small(keras, 2, "softmax"))
    network = load_network(path, cache)
    pixels = images(network.card.input)
    expected = np.asarray(original(pixels / np.float32(255)))
    assert network.reading.class_order == ("fake", "real")
    assert np.allclose(network.fake_probabilities(pixels), expected[:, 0], atol=1e-5)


def test_a_network_that_rescales_itself_is_given_raw_values(keras, cache, tmp_path):
    path = tmp_path / "raw.keras"
    original = save(keras, path, [keras.layers.Rescaling(1 / 127.5, -1), *small(keras)])
    network = load_network(path, cache)
    assert network.card.input.value_range == (0, 255)
    pixels = images(network.card.input)
    expected = np.asarray(original(pixels.astype(np.float32)))[:, 0]
    assert np.allclose(network.fake_probabilities(pixels), expected, atol=1e-5)


def test_one_channel_works(keras, cache, tmp_path):
    path = tmp_path / "grey.keras"
    save(keras, path, small(keras), shape=(20, 20, 1))
    network = load_network(path, cache)
    assert network.fake_probabilities(images(network.card.input)).shape == (3,)


def test_random_layers_and_mixed_precision_are_taken_out(keras, cache, tmp_path):
    path = tmp_path / "mixed.keras"
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layers = [keras.layers.RandomFlip(), keras.layers.RandomRotation(0.1), *small(keras)]
        save(keras, path, layers)
    finally:
        keras.config.set_dtype_policy("float32")
    network = load_network(path, cache)
    first, second = (network.fake_probabilities(images(network.card.input)) for _ in range(2))
    assert np.array_equal(first, second)


def test_a_card_decides_over_the_rule_and_must_fit_the_file(keras, cache, tmp_path):
    path = tmp_path / "tiny.keras"
    save(keras, path, small(keras))
    plain = load_network(path, cache)
    pixels = images(plain.card.input)
    card = plain.card.model_copy(update={"version": "7", "class_order": ("fake", "real")})
    card.save(path.with_suffix(".json"))
    carded = load_network(path, cache)
    assert carded.reading.proven
    assert np.allclose(
        carded.fake_probabilities(pixels), 1 - plain.fake_probabilities(pixels), atol=1e-6
    )

    card.model_copy(update={"sha256": "f" * 64}).save(path.with_suffix(".json"))
    foreign = load_network(path, cache)
    assert not foreign.reading.proven
    assert "another file" in foreign.note

    wrong = card.model_copy(update={"input": InputSpec(height=99, width=99)})
    wrong.save(path.with_suffix(".json"))
    with pytest.raises(UnusableModel, match="99x99x3"):
        load_network(path, cache)


def broken_layers(keras):
    two_outputs = keras.Input((16, 16, 3))
    features = keras.layers.GlobalAveragePooling2D()(two_outputs)
    heads = [keras.layers.Dense(1, activation="sigmoid")(features) for _ in range(2)]
    return {
        "two outputs": (keras.Model(two_outputs, heads), "2 outputs"),
        "three units": (
            keras.Sequential([keras.Input((16, 16, 3)), *small(keras, 3, "softmax")]),
            "one or two numbers",
        ),
        "no probability": (
            keras.Sequential(
                [
                    keras.Input((16, 16, 3)),
                    keras.layers.GlobalAveragePooling2D(),
                    keras.layers.Dense(1, bias_initializer=keras.initializers.Constant(7)),
                ]
            ),
            "no probability",
        ),
        "no image": (
            keras.Sequential([keras.Input((9,)), keras.layers.Dense(1, activation="sigmoid")]),
            "input shape",
        ),
        "any size": (
            keras.Sequential([keras.Input((None, None, 3)), *small(keras)]),
            "input shape",
        ),
        "lambda": (
            keras.Sequential(
                [keras.Input((16, 16, 3)), keras.layers.Lambda(lambda x: x * 2), *small(keras)]
            ),
            "Keras cannot load it",
        ),
    }


@pytest.mark.parametrize(
    "case",
    ["two outputs", "three units", "no probability", "no image", "any size", "lambda"],
)
def test_what_is_no_detector_is_refused_with_the_reason(keras, cache, tmp_path, case):
    network, reason = broken_layers(keras)[case]
    path = tmp_path / "odd.keras"
    network.save(path)
    with pytest.raises(UnusableModel, match=reason):
        convert(path, cache)


@pytest.mark.parametrize("damage", ["truncated", "no zip", "empty"])
def test_damaged_files_are_refused_and_leave_nothing_half_written(keras, tmp_path, damage):
    path = tmp_path / "damaged.keras"
    save(keras, path, small(keras))
    data = path.read_bytes()
    path.write_bytes(
        {"truncated": data[: len(data) // 2], "no zip": b"hello", "empty": b""}[damage]
    )
    cache = tmp_path / "cache"
    for _ in range(2):
        with pytest.raises(UnusableModel, match="Keras cannot load it"):
            convert(path, cache)
    assert not list(cache.glob("*.onnx"))
    assert not [p for p in cache.iterdir() if p.is_dir() or "partial" in p.name]


def test_a_file_that_changes_gets_another_twin(keras, tmp_path):
    path, cache = tmp_path / "a.keras", tmp_path / "cache"
    save(keras, path, small(keras))
    first = convert(path, cache)
    stamp = first.stat().st_mtime_ns
    assert convert(path, cache) == first
    assert first.stat().st_mtime_ns == stamp
    save(keras, path, small(keras))
    assert convert(path, cache) != first


def test_processes_that_ask_at_once_convert_once(keras, tmp_path):
    path, cache = tmp_path / "a.keras", tmp_path / "cache"
    save(keras, path, small(keras))
    code = (
        "import sys; from pathlib import Path\n"
        "import deepfake_detection.inference.conversion as c\n"
        "real = c._convert_in_child\n"
        "def counted(*a):\n    print('converted'); real(*a)\n"
        "c._convert_in_child = counted\n"
        "c.convert(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    arguments = [sys.executable, "-c", code, str(path), str(cache)]
    children = [subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    printed = [child.communicate()[0] for child in children]
    assert sum("converted" in text for text in printed) == 1
    assert all(child.returncode == 0 for child in children)


def test_a_path_in_the_archive_that_climbs_out_writes_nothing(keras, cache, tmp_path):
    path = tmp_path / "climber.keras"
    save(keras, path, small(keras))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../climbed.txt", "x")
    with contextlib.suppress(UnusableModel):
        convert(path, cache)
    assert not list(tmp_path.rglob("climbed.txt"))
    assert not (tmp_path.parent / "climbed.txt").exists()


def test_deepfake_card_finds_orientation_and_calibration(keras, sample_data, tmp_path):
    """A file of unknown origin that answers P(real), measured on labelled drawings."""
    from deepfake_detection.training.cards import calibrate_card
    from deepfake_detection.training.dataset import read_split
    from deepfake_detection.training.pixels import batches, decode_split

    spec = InputSpec(height=64, width=64)
    split = decode_split(read_split(sample_data, "Train"), spec, cache=tmp_path)
    network = keras.Sequential(
        [
            keras.Input((64, 64, 3)),
            keras.layers.Conv2D(8, 5, strides=2, activation="relu"),
            keras.layers.MaxPooling2D(4),
            keras.layers.Flatten(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    network.compile(keras.optimizers.Adam(0.003), "binary_crossentropy", jit_compile=False)
    reversed_labels = batches(split, spec, 16, shuffle_seed=1).map(lambda x, y: (x, 1 - y))
    network.fit(reversed_labels, epochs=12, verbose=0, shuffle=False)
    path = tmp_path / "stranger.keras"
    network.save(path)

    card = calibrate_card(path, sample_data, tmp_path / "cache")
    assert card.class_order == ("fake", "real")
    assert Card.load(path.with_suffix(".json")) == card
    assert card.sha256 == sha256_of(path)
    served = load_network(path, tmp_path / "cache")
    test = decode_split(read_split(sample_data, "Test"), spec, cache=tmp_path)
    p = served.fake_probabilities(test.pixels)
    assert p[test.labels == 1].mean() > p[test.labels == 0].mean() + 0.2
    shutil.rmtree(tmp_path / "cache")
