"""Error levels: compress the image once more and look where that changes it.

After Krawetz, "A Picture's Worth..." (2007). Edges and textures change more than plain areas
anyway; what can tell is an area that changes otherwise than similar ones of the same image.
"""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepfake_detection.image.decode import upright
from deepfake_webapp.inspection.report import ErrorLevels

QUALITY = 90
PICTURE_SIDE = 512
# Below this the picture would show rounding.
MOST_AMPLIFIED = 40.0


def measure_error_levels(blocks: NDArray[np.uint8] | None, orientation: int) -> ErrorLevels | None:
    """Make the picture from an image's sampled blocks, turned upright by its EXIF orientation.

    Whole blocks with unthinned colour are compressed each for itself, so that leaving some of a
    large image out changes nothing for the others.
    """
    if blocks is None:
        return None
    file = io.BytesIO()
    Image.fromarray(blocks, "YCbCr").save(file, "JPEG", quality=QUALITY, subsampling=0)
    again = Image.open(file, formats=("JPEG",))
    again.draft("YCbCr", None)
    change = np.abs(np.asarray(again).astype(np.int16) - blocks).max(axis=2).astype(np.uint8)
    amplification = min(MOST_AMPLIFIED, 255 / max(1, _nearly_largest(change)))
    bright = np.minimum(change * amplification, 255).astype(np.uint8)
    picture = Image.fromarray(bright)
    picture.thumbnail((PICTURE_SIDE, PICTURE_SIDE), Image.Resampling.BOX)
    return ErrorLevels(
        picture=_data_uri(upright(picture, orientation)),
        amplification=round(amplification, 2),
        quality=QUALITY,
    )


def _nearly_largest(values: NDArray[np.uint8]) -> int:
    """What one in 200 exceeds, lest a single pixel decide."""
    cumulated = np.bincount(values.ravel(), minlength=256).cumsum()
    return int(np.searchsorted(cumulated, 0.995 * cumulated[-1]))


def _data_uri(picture: Image.Image) -> str:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")
