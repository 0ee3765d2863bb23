"""The 8 by 8 blocks in which JPEG compresses, as many as can be looked at quickly."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 8
# Blocks along the longer side: 3,072 pixels; of larger images every second, third, ... is taken.
MOST = 384


def sample_blocks(image: Image.Image) -> NDArray[np.uint8] | None:
    """Take a loaded RGB or YCbCr image's whole blocks and lay them side by side, in YCbCr.

    Returns:
        uint8 array of shape (8 * rows, 8 * columns, 3); nothing if the image is smaller than a
        block.
    """
    columns, rows = image.width // SIDE, image.height // SIDE
    if not columns or not rows:
        return None
    step = -(-max(columns, rows) // MOST)
    sampled = []
    for top in range(0, rows * SIDE, step * SIDE):
        row = np.asarray(image.crop((0, top, columns * SIDE, top + SIDE)))
        sampled.append(row.reshape(SIDE, columns, SIDE, 3)[:, ::step].reshape(SIDE, -1, 3))
    blocks = Image.fromarray(np.concatenate(sampled), image.mode)
    return np.asarray(blocks.convert("YCbCr"))


def split(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cut one plane of sampled blocks: shape (rows, columns, 8, 8)."""
    height, width = plane.shape
    return plane.reshape(height // SIDE, SIDE, width // SIDE, SIDE).swapaxes(1, 2)
