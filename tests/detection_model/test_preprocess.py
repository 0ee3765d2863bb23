import io

import numpy as np
import pytest
from PIL import Image

from deepfake_detection.image import load_pixels, to_pixels
from deepfake_detection.image.card import InputSpec
from deepfake_detection.image.preprocess import scale

from .images import encoded, portrait

SPEC = InputSpec(height=96, width=128)


def test_pixels_have_the_shape_and_type_a_network_takes():
    array = to_pixels(portrait(), SPEC)
    assert array.shape == (96, 128, 3)
    assert array.dtype == np.uint8


def test_a_grey_network_gets_one_channel():
    assert to_pixels(portrait(), SPEC.model_copy(update={"channels": 1})).shape == (96, 128, 1)


def test_an_image_of_the_right_size_is_left_alone():
    image = portrait()
    assert np.array_equal(to_pixels(image, InputSpec(height=256, width=256)), np.asarray(image))


def test_shrinking_averages_instead_of_skipping_pixels():
    stripes = Image.fromarray(np.tile(np.array([[[0] * 3, [255] * 3]], np.uint8), (512, 256, 1)))
    assert abs(int(to_pixels(stripes, InputSpec(height=64, width=64)).mean()) - 127) <= 1
    assert to_pixels(stripes, InputSpec(height=64, width=64)).std() < 3


@pytest.mark.parametrize("value_range", [(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)])
def test_values_are_mapped_linearly_onto_the_cards_range(value_range):
    spec = SPEC.model_copy(update={"value_range": value_range})
    scaled = scale(np.array([0, 51, 255], np.uint8), spec)
    low, high = value_range
    assert scaled.dtype == np.float32
    assert np.allclose(scaled, [low, low + (high - low) * 0.2, high], atol=1e-5)


def test_reduced_decoding_shows_nearly_the_same_pixels():
    data = encoded(portrait(3, size=(3000, 2000)), quality=92)
    reduced, _ = load_pixels(data, InputSpec(height=256, width=256))
    full = to_pixels(Image.open(io.BytesIO(data)), InputSpec(height=256, width=256))
    assert np.abs(reduced.astype(int) - full.astype(int)).mean() < 1.5
