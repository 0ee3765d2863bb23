"""How a JPEG file was compressed, and whether it had been before."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from deepfake_webapp.inspection.blocks import SIDE, split
from deepfake_webapp.inspection.report import Compression

# Annex K of the JPEG standard, luminance, row by row; IJG's "quality" scales it.
_STANDARD = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
# The lowest frequencies, which have the most coefficients that are not zero.
_FREQUENCIES = ((0, 1), (1, 0), (2, 0), (1, 1), (0, 2), (0, 3), (1, 2), (2, 1), (3, 0))
# Below so many coefficients, or different values, a histogram says nothing.
_FEWEST, _FEWEST_VALUES, _MOST_VALUES = 300, 10, 60
# Power of a period in a histogram, in units of its chance variation. Of once compressed images the
# second strongest of the frequencies stays below 8; of twice compressed ones it is mostly above 20.
_PERIODIC = 12.0


def describe_compression(
    image: Image.Image, blocks: NDArray[np.uint8] | None
) -> Compression | None:
    """Describe a loaded image by its tables and sampled blocks; nothing if it is no JPEG."""
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        return None
    table = image.quantization.get(0)
    if table is None or len(table) != SIDE * SIDE:
        return None
    steps = np.array(table).reshape(SIDE, SIDE)
    quality, exact = _quality(steps)
    return Compression(
        quality=quality,
        standard_tables=exact,
        progressive="progressive" in image.info,
        compressed_twice=None
        if blocks is None
        else _compressed_twice(split(blocks[..., 0]), steps),
    )


def _quality(steps: NDArray[np.int_]) -> tuple[int, bool]:
    """The IJG quality whose table is nearest, and whether it is that table."""
    distances = {q: int(np.abs(_ijg_table(q) - steps).sum()) for q in range(1, 101)}
    best = min(distances, key=lambda quality: distances[quality])
    return best, distances[best] == 0


def _ijg_table(quality: int) -> NDArray[np.int_]:
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality  # noqa: PLR2004 - IJG's
    table: NDArray[np.int_] = np.clip((_STANDARD * scale + 50) // 100, 1, 255)
    return table


def _compressed_twice(luma: NDArray[np.uint8], steps: NDArray[np.int_]) -> bool | None:
    """Look for the periodic gaps that a second quantisation leaves in the coefficients' histograms.

    After Popescu and Farid, "Statistical Tools for Digital Forensics" (2004). Blind to a second
    compression on another grid (after cropping) or with the same tables.
    """
    cosines = _cosines()
    coefficients = cosines @ (luma.astype(np.float32) - 128) @ cosines.T
    powers = []
    for row, column in _FREQUENCIES:
        levels = np.rint(np.abs(coefficients[..., row, column]) / max(1, steps[row, column]))
        counts = np.bincount(levels.astype(int).ravel(), minlength=_MOST_VALUES + 1)
        if (power := _period(counts[1 : _MOST_VALUES + 1])) is not None:
            powers.append(power)
    if len(powers) < 2:  # noqa: PLR2004 - one may be a freak
        return None
    return sorted(powers)[-2] > _PERIODIC


def _period(counts: NDArray[np.int_]) -> float | None:
    """Power of the strongest period of 2 to 7 in a histogram; about 1 by chance."""
    total = int(counts.sum())
    if total < _FEWEST:
        return None
    # The sparse tail would look like gaps.
    values = int(np.searchsorted(counts.cumsum(), 0.98 * total)) + 1
    if values < _FEWEST_VALUES:
        return None
    # The square root makes chance variation the same everywhere, and a curve takes the trend out.
    roots = 2 * np.sqrt(counts[:values] + 0.375)
    where = np.log(np.arange(1, values + 1))
    rest = roots - np.polyval(np.polyfit(where, roots, 4), where)
    waves = np.exp(-2j * np.pi * np.outer(np.linspace(0.15, 0.5, 60), np.arange(values)))
    power = np.abs(waves @ rest) ** 2 / values
    # At this frequency a real signal has no second half of its power elsewhere.
    power[-1] /= 2
    return float(power.max())


def _cosines() -> NDArray[np.float32]:
    """The matrix of the orthonormal 8-point DCT."""
    k, n = np.mgrid[:SIDE, :SIDE]
    matrix: NDArray[np.float64] = np.cos(np.pi * (2 * n + 1) * k / (2 * SIDE)) * np.sqrt(2 / SIDE)
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)
