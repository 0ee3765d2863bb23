"""Heat maps point at the evidence: a network learns to find one altered quarter, maps show it."""

import numpy as np
import pytest
from PIL import Image

from deepfake_detection.inference import Judgement, Network, judge, load_network
from deepfake_detection.inference.explain import MAX_CELLS, occlusion, to_values
from deepfake_detection.inference.network import MAP_OUTPUT

from ..portraits import PORTRAIT, portrait, scene
from .images import encoded

SIZE = 64
QUARTERS = [(0, 0), (0, 1), (1, 0), (1, 1)]


def picture(seed: int, quarter: tuple[int, int] | None) -> np.ndarray:
    """Soft clouds; the altered quarter is grainy."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(100, 156, (6, 6, 3)).astype(np.uint8))
    pixels = np.array(coarse.resize((SIZE, SIZE), Image.Resampling.BICUBIC)).astype(np.int16)
    if quarter is not None:
        half = SIZE // 2
        top, left = quarter[0] * half, quarter[1] * half
        pixels[top : top + half, left : left + half] += random.integers(-40, 41, (half, half, 1))
    return pixels.clip(0, 255).astype(np.uint8)


def share_in(values, quarter: tuple[int, int]) -> float:
    """The share of a map that lies in one of its quarters."""
    grid = np.array(values)
    rows, columns = grid.shape
    vertical, horizontal = (
        slice(n * (length // 2), n * (length // 2) + length // 2)
        for n, length in zip(quarter, (rows, columns), strict=True)
    )
    return float(grid[vertical, horizontal].sum() / grid.sum())


def train(path, head):
    """A network that tells altered from plain pictures; takes some seconds."""
    import keras

    keras.utils.set_random_seed(1)
    network = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            keras.layers.Rescaling(1 / 32, -4),
            keras.layers.Conv2D(8, 3, activation="relu", padding="same"),
            keras.layers.AveragePooling2D(4),
            keras.layers.Conv2D(8, 3, activation="relu", padding="same"),
            keras.layers.AveragePooling2D(2),
            *head(keras.layers),
        ]
    )
    labels = np.arange(400) % 2
    quarters = [QUARTERS[n // 2 % 4] if label else None for n, label in enumerate(labels)]
    images = np.stack([picture(n, quarter) for n, quarter in enumerate(quarters)])
    network.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    fitted = network.fit(images.astype(np.float32), labels, batch_size=16, epochs=6, verbose=0)
    assert fitted.history["accuracy"][-1] > 0.97
    network.save(path)


HEADS = {
    "class_activation": lambda layers: [
        layers.GlobalAveragePooling2D(),
        layers.Dropout(0.1),
        layers.Dense(1, activation="sigmoid"),
    ],
    "occlusion": lambda layers: [layers.Flatten(), layers.Dense(1, activation="sigmoid")],
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory, cache) -> dict[str, Network]:
    folder = tmp_path_factory.mktemp("explain")
    networks = {}
    for method, head in HEADS.items():
        path = folder / f"{method}.keras"
        train(path, head)
        networks[method] = load_network(path, cache, threads=1)
    return networks


@pytest.mark.slow
@pytest.mark.parametrize("quarter", QUARTERS)
@pytest.mark.parametrize("method", HEADS)
def test_most_of_the_map_lies_in_the_altered_quarter(trained, method, quarter):
    network = trained[method]
    images = [encoded(Image.fromarray(picture(seed, quarter)), "PNG") for seed in range(1000, 1005)]
    for result in judge(network, images, faces="off", explain=True):
        assert result.verdict == "fake"
        assert result.heat_map.method == method
        assert share_in(result.heat_map.values, quarter) > 0.6
        assert (result.heat_map.right, result.heat_map.bottom) == (SIZE, SIZE)
        assert result.timings_ms.explain > 0


@pytest.mark.slow
def test_the_same_network_is_explained_alike_by_both_methods(trained):
    network = trained["class_activation"]
    for quarter in QUARTERS:
        values = to_values(occlusion(network, picture(2000, quarter)))
        assert share_in(values, quarter) > 0.6


@pytest.mark.slow
def test_a_network_that_is_all_too_certain_is_explained_too(cache, tmp_path):
    import keras

    network = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.AveragePooling2D(4),
            keras.layers.Flatten(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    # Light counts for a fake, far beyond what the sigmoid can tell apart.
    kernel = np.ones(network.layers[-1].kernel.shape, np.float32)
    network.layers[-1].set_weights([kernel, np.zeros(1, np.float32)])
    path = tmp_path / "certain.keras"
    network.save(path)
    lit = Image.new("RGB", (SIZE, SIZE), (128, 128, 128))
    lit.paste("white", (0, 32, 32, 64))
    (result,) = judge(load_network(path, cache), [encoded(lit, "PNG")], faces="off", explain=True)
    assert result.fake_probability > 0.9999
    assert share_in(result.heat_map.values, (1, 0)) > 0.95


@pytest.mark.slow
def test_logits_are_those_of_the_scores(trained):
    pixels = np.stack([picture(seed, None) for seed in range(5)])
    for network in trained.values():
        p = 1 / (1 + np.exp(-network.fake_logits(pixels)))
        assert p == pytest.approx(network.raw_probabilities(pixels), abs=1e-5)


@pytest.mark.slow
def test_the_map_is_computed_only_when_it_is_asked_for(trained, monkeypatch):
    network = trained["class_activation"]
    asked = []
    real = network._session

    class Session:
        def run(self, outputs, feed):
            asked.append(list(outputs))
            return real.run(outputs, feed)

    monkeypatch.setattr(network, "_session", Session())
    (plain,) = judge(network, [PORTRAIT])
    assert asked == [["probability"]]
    assert [output.name for output in real.get_outputs()] == ["probability", MAP_OUTPUT, "logit"]
    assert plain.heat_map is None
    assert plain.timings_ms.explain == 0
    judge(network, [PORTRAIT], explain=True)
    assert asked[1:] == [["probability"], [MAP_OUTPUT]]


@pytest.mark.slow
def test_each_face_has_a_map_over_its_crop(trained):
    network = trained["class_activation"]
    card = network.card.model_copy(update={"crop": "face", "margin": 1.5})
    faced = Network.__new__(Network)
    faced.__dict__.update(network.__dict__ | {"card": card})
    images = [encoded(scene([200, 120, 28], width=800, height=600)), encoded(portrait())]
    group, single = judge(faced, images, explain=True)
    assert isinstance(group, Judgement)
    large, middle, small = group.faces
    assert small.heat_map is None
    assert group.heat_map is None
    for face in (large, middle, single.faces[0]):
        heat_map = face.heat_map
        assert heat_map.left < face.left < face.right < heat_map.right
        assert heat_map.right - heat_map.left == pytest.approx(
            heat_map.bottom - heat_map.top, abs=1
        )
        assert len(heat_map.values) == 8
        assert 0 <= min(map(min, heat_map.values)) <= max(map(max, heat_map.values)) <= 1


@pytest.mark.slow
@pytest.mark.parametrize(("order", "unit"), [(["fake", "real"], 0), (["real", "fake"], 1)])
def test_two_units_are_explained_towards_the_fake_one(cache, tmp_path, order, unit):
    import keras

    network = keras.Sequential(
        [
            keras.Input((80, 40, 3)),
            keras.layers.AveragePooling2D(2),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    # The fake unit counts light.
    kernel = np.zeros((3, 2), np.float32)
    kernel[:, unit] = 1
    network.layers[-1].set_weights([kernel, np.zeros(2, np.float32)])
    path = tmp_path / "two.keras"
    network.save(path)
    served = load_network(path, cache, flip=order == ["real", "fake"])
    assert list(served.reading.class_order) == order
    lit = Image.new("RGB", (40, 80))
    lit.paste("white", (20, 40, 40, 80))
    (result,) = judge(served, [encoded(lit, "PNG")], faces="off", explain=True)
    assert share_in(result.heat_map.values, (1, 1)) > 0.95
    assert len(result.heat_map.values) == len(result.heat_map.values[0]) == MAX_CELLS
    pixels = np.random.default_rng(0).integers(0, 256, (3, 80, 40, 3)).astype(np.uint8)
    p = 1 / (1 + np.exp(-served.fake_logits(pixels)))
    assert p == pytest.approx(served.raw_probabilities(pixels), abs=1e-5)


def test_where_nothing_speaks_for_a_fake_the_map_is_empty():
    assert to_values(np.array([[-1, -2]], np.float32)) == ((0, 0),)
    assert to_values(np.array([[-1, 2, 1]], np.float32)) == ((0, 1, 0.5),)
