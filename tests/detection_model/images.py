"""Images for tests, drawn here."""

import io
from typing import Any

import numpy as np
from PIL import Image

from deepfake_detection.training.sample_data import draw_portrait


def portrait(
    seed: int = 0, *, fake: bool = False, size: tuple[int, int] = (256, 256)
) -> Image.Image:
    image = draw_portrait(np.random.default_rng(seed), fake=fake)
    return image if size == image.size else image.resize(size, Image.Resampling.BICUBIC)


def encoded(image: Image.Image, format: str = "JPEG", **options: Any) -> bytes:  # noqa: A002
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()
