"""Where in a picture a network finds evidence of a fake, as a small grid of numbers."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepfake_detection.inference.network import Network

Method = Literal["class_activation", "occlusion"]

# Rows and columns of grey patches that are laid over a picture in turn.
OCCLUSION_CELLS = 8
_GREY = 128
# Maps with more rows or columns are reduced to so many.
MAX_CELLS = 16


@dataclass(frozen=True)
class HeatMap:
    """Evidence of a fake over a rectangle, in pixels of the full upright image.

    Attributes:
        method: How it was found.
        values: Rows from the top, 0 to 1; 1 is the strongest spot of this map, and all are 0 where
            nothing speaks for a fake. Two maps cannot be compared.
    """

    left: int
    top: int
    right: int
    bottom: int
    method: Method
    values: tuple[tuple[float, ...], ...]


def class_activation(network: Network, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Class activation maps (Zhou et al. 2016): what each place adds to the logit of "fake".

    Args:
        network: One with ``has_activation_map``.
        pixels: uint8 of shape (images, height, width, channels).

    Returns:
        float32 of shape (images, rows, columns), at most ``MAX_CELLS`` each.
    """
    maps = network.activation_maps(pixels)
    rows, columns = (min(length, MAX_CELLS) for length in maps.shape[1:])
    small = [Image.fromarray(one).resize((columns, rows), Image.Resampling.BOX) for one in maps]
    return np.stack([np.asarray(one) for one in small])


def occlusion(network: Network, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Occlusion sensitivity (Zeiler and Fergus 2014): how the logit falls when a place is hidden.

    Args:
        network: Any; it scores ``OCCLUSION_CELLS`` squared copies of the picture.
        pixels: uint8 of shape (height, width, channels).

    Returns:
        float32 of shape (``OCCLUSION_CELLS``, ``OCCLUSION_CELLS``).
    """
    height, width, _ = pixels.shape
    rows, columns = (
        np.linspace(0, n, OCCLUSION_CELLS + 1).round().astype(int) for n in (height, width)
    )
    copies = np.repeat(pixels[np.newaxis], OCCLUSION_CELLS**2 + 1, axis=0)
    for cell in range(OCCLUSION_CELLS**2):
        i, j = divmod(cell, OCCLUSION_CELLS)
        copies[cell, rows[i] : rows[i + 1], columns[j] : columns[j + 1]] = _GREY
    logits = network.fake_logits(copies)
    drops: NDArray[np.float64] = logits[-1] - logits[:-1]
    return drops.reshape(OCCLUSION_CELLS, OCCLUSION_CELLS).astype(np.float32)


def to_values(evidence: NDArray[np.float32]) -> tuple[tuple[float, ...], ...]:
    """Leave out what speaks against a fake, and set the strongest spot to 1."""
    positive = evidence.clip(0)
    highest = positive.max()
    shares = positive / highest if highest > 0 else positive
    return tuple(tuple(round(value, 3) for value in row) for row in shares.tolist())
