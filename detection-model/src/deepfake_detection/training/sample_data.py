"""Generated stand-in data in the reference layout: for trying the pipeline, not for results.

Drawn portraits; a fake's face is a patch of another tint with a faint grid in it, which any of the
networks learns in a few epochs. Scores on this data mean nothing for photographs.
"""

import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from deepfake_detection.training.dataset import LABELS

BANNER = (
    "GENERATED SAMPLE DATA: drawings, not photographs. The scores below show that the pipeline "
    "works and mean nothing else."
)
SIZES = {"Train": 96, "Validation": 32, "Test": 32}
_SIDE = 256


def make_sample_data(folder: Path, sizes: dict[str, int] | None = None, seed: int = 0) -> Path:
    """Write ``Dataset/{Train,Validation,Test}/{Fake,Real}``; the same seed writes the same bytes.

    Args:
        folder: Receives ``Dataset``; one that is there already is kept if it is complete.
        sizes: Images of each class by split.
        seed: Of the drawings.

    Returns:
        ``folder``, as ``--data`` takes it.
    """
    dataset = folder / "Dataset"
    if dataset.is_dir():
        return folder
    partial = folder / "Dataset.partial"
    shutil.rmtree(partial, ignore_errors=True)
    for s, (split, count) in enumerate((sizes or SIZES).items()):
        for class_name, label in LABELS.items():
            target = partial / split / class_name
            target.mkdir(parents=True)
            for number in range(count):
                random = np.random.default_rng([seed, s, label, number])
                portrait = draw_portrait(random, fake=bool(label))
                portrait.save(target / f"{class_name.lower()}_{number}.jpg", quality=92)
    partial.rename(dataset)
    return folder


def draw_portrait(random: np.random.Generator, *, fake: bool) -> Image.Image:
    """Draw one 256x256 RGB portrait."""
    image = _background(random)
    box = _face_box(random)
    tone = random.uniform(0.45, 1.0)
    skin = (np.array([235, 190, 165]) * tone + random.normal(0, 5, 3)).astype(int)
    draw = ImageDraw.Draw(image)
    hair = (box[0] - 12, box[1] - 25, box[2] + 12, box[3] - 30)
    draw.ellipse(hair, fill=tuple(random.integers(20, 110, 3).tolist()))
    draw.ellipse(box, fill=tuple(skin.tolist()))
    _draw_features(draw, box, random)
    image = image.filter(ImageFilter.GaussianBlur(1.5))
    if fake:
        image = _swap_face(image, box)
    noise = random.normal(0, 4, (_SIDE, _SIDE, 3))
    return _to_image(np.asarray(image) + noise)


def _background(random: np.random.Generator) -> Image.Image:
    corners = random.integers(40, 220, (2, 2, 3)).astype(np.uint8)
    return Image.fromarray(corners).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)


def _face_box(random: np.random.Generator) -> tuple[int, int, int, int]:
    width, height = random.integers(110, 140), random.integers(150, 180)
    left, top = (_SIDE - width) // 2 + random.integers(-15, 15), random.integers(35, 60)
    return int(left), int(top), int(left + width), int(top + height)


def _draw_features(
    draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], random: np.random.Generator
) -> None:
    left, top, right, bottom = box
    middle, width, height = (left + right) / 2, right - left, bottom - top
    eye = tuple(random.integers(20, 120, 3).tolist())
    for side in (-1, 1):
        x, y = middle + side * width * 0.22, top + height * 0.4
        draw.ellipse((x - 11, y - 6, x + 11, y + 6), fill=(240, 240, 240))
        draw.ellipse((x - 5, y - 5, x + 5, y + 5), fill=eye)
    draw.line((middle, top + height * 0.45, middle - 5, top + height * 0.62), (120, 80, 60), 3)
    mouth = (middle - 24, top + height * 0.7, middle + 24, top + height * 0.82)
    draw.chord(mouth, 10, 170, fill=(165, 70, 70))


def _swap_face(image: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """Give the face another tint and the grid that an upsampling generator leaves."""
    pixels = np.asarray(image).astype(np.float64)
    rows, columns = np.indices((_SIDE, _SIDE))
    grid = np.where((rows // 2 + columns // 2) % 2, 14.0, -14.0)[..., np.newaxis]
    altered = _to_image(pixels * (0.80, 1.0, 1.15) + grid)
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    return Image.composite(altered, image, mask.filter(ImageFilter.GaussianBlur(3)))


def _to_image(pixels: NDArray[np.float64]) -> Image.Image:
    return Image.fromarray(np.clip(pixels + 0.5, 0, 255).astype(np.uint8))
