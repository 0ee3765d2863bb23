"""Training and serving must see the same image."""

import numpy as np
import pytest

from deepfake_detection.inference import Judgement, judge, load_network
from deepfake_detection.training.dataset import LabelledImage

from .images import encoded, portrait

pytestmark = pytest.mark.slow

FORMATS = [
    ("JPEG", {"quality": 95}),
    ("JPEG", {"quality": 40, "progressive": True}),
    ("PNG", {}),
    ("WEBP", {"quality": 80}),
]
SIZES = [(256, 256), (224, 224), (640, 480), (97, 301), (1600, 1200)]


def test_both_sides_agree_on_200_images(cache, tmp_path):
    import keras

    from deepfake_detection.training.networks import REFERENCE_INPUT, build_v3
    from deepfake_detection.training.pixels import batches, decode_split

    paths = []
    for number in range(200):
        format_, options = FORMATS[number % 4]
        path = tmp_path / f"{number}.{format_.lower()}"
        image = portrait(number, fake=number % 2 == 1, size=SIZES[number % 5])
        path.write_bytes(encoded(image, format_, **options))
        paths.append(path)
    images = [LabelledImage(path, n % 2, "x", str(n)) for n, path in enumerate(paths)]

    keras.utils.set_random_seed(0)
    network = build_v3()
    # Steeper than any trained network, so that a difference in the pixels would show.
    network.layers[-1].set_weights([w * 20 for w in network.layers[-1].get_weights()])
    network.save(tmp_path / "v3.keras")
    split = decode_split(images, REFERENCE_INPUT, cache=tmp_path)
    trained = network.predict(batches(split, REFERENCE_INPUT, 32), verbose=0)[:, 0]
    assert trained.std() > 0.02

    served_network = load_network(tmp_path / "v3.keras", cache)
    outcomes = judge(served_network, paths, faces="off")
    served = [o.fake_probability for o in outcomes if isinstance(o, Judgement)]
    assert np.abs(np.array(served) - trained).max() <= 0.01
