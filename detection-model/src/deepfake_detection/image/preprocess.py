"""From a decoded image to the pixels a network is given: the one definition for all parts."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepfake_detection.image.card import InputSpec
from deepfake_detection.image.decode import DecodedImage, Limits, decode


def to_pixels(image: Image.Image, spec: InputSpec) -> NDArray[np.uint8]:
    """Resize an RGB image to a network's input, antialiased, aspect ratio not kept.

    Returns:
        uint8 array of shape (height, width, channels), values 0 to 255.
    """
    resized = image.resize((spec.width, spec.height), Image.Resampling[spec.resize_filter.upper()])
    if spec.channels == 1:
        return np.asarray(resized.convert("L"))[..., np.newaxis]
    return np.asarray(resized)


def load_pixels(
    source: bytes | Path,
    spec: InputSpec,
    *,
    limits: Limits = Limits(),
) -> tuple[NDArray[np.uint8], DecodedImage]:
    """Decode a whole image and resize it for a network; raises what ``decode`` raises."""
    decoded = decode(source, at_least=(spec.width, spec.height), limits=limits)
    return to_pixels(decoded.pixels, spec), decoded


def scale(pixels: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.float32]:
    """Map 0..255 linearly to the network's value range, in float32."""
    low, high = spec.value_range
    return pixels.astype(np.float32) * np.float32((high - low) / 255) + np.float32(low)
