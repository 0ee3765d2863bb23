"""A second look: does the score survive changes that leave a picture what it is?"""

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepfake_detection.image.card import InputSpec
from deepfake_detection.image.preprocess import to_pixels

Alteration = Literal["jpeg_75", "resize_75", "mirror"]


@dataclass(frozen=True)
class AlteredScore:
    """The score after one change."""

    alteration: Alteration
    fake_probability: float


@dataclass(frozen=True)
class SecondLook:
    """Scores after mild changes to what the network was shown.

    Attributes:
        lowest, highest: Of these scores and the first one.
    """

    lowest: float
    highest: float
    scores: tuple[AlteredScore, ...]


def altered(pixels: NDArray[np.uint8], spec: InputSpec) -> dict[Alteration, NDArray[np.uint8]]:
    """Return what the network was shown, changed: saved as JPEG, made smaller, mirrored.

    The changes are made at the network's own size, at which they cost it most: the same to a
    photograph of many megapixels would vanish when that is reduced.

    Args:
        pixels: uint8 of shape (height, width, channels).
        spec: The network's input.

    Returns:
        Arrays of the same shape.
    """
    image = Image.fromarray(pixels if spec.channels == 3 else pixels[..., 0])  # noqa: PLR2004
    file = io.BytesIO()
    image.save(file, "JPEG", quality=75)
    smaller = (max(1, spec.width * 3 // 4), max(1, spec.height * 3 // 4))
    return {
        "jpeg_75": to_pixels(Image.open(file), spec),
        "resize_75": to_pixels(image.resize(smaller, Image.Resampling.BICUBIC), spec),
        "mirror": pixels[:, ::-1],
    }
