"""Random changes to training images, the same for both classes.

An upload went through cameras, messengers and screenshots; what a detector may not learn is which
class was compressed how. All functions take and return RGB images of mode ``RGB``.
"""

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from deepfake_detection.inference.faces import Face
from deepfake_detection.training.robustness import jpeg

_FILTERS = (
    Image.Resampling.BILINEAR,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
    Image.Resampling.BOX,
)


def chance(rng: np.random.Generator, probability: float) -> bool:
    """Be true with a probability."""
    return bool(rng.random() < probability)


def random_crop(
    image: Image.Image, face: Face | None, margin: float, size: int, rng: np.random.Generator
) -> Image.Image:
    """Cut a square near the one that serving cuts around ``face``, resized to ``size`` pixels.

    Without a face, and now and then with one, it is a square of most of the image.
    """
    shortest = min(image.size)
    if face is None or chance(rng, 0.1):
        side = shortest * rng.uniform(0.8, 1)
        centre = np.array(image.size) / 2 + rng.normal(0, 0.03, 2) * shortest
    else:
        side = face.size * margin * rng.uniform(0.82, 1.15)
        middle = (face.left + face.right) / 2, (face.top + face.bottom) / 2
        centre = np.array(middle) + rng.normal(0, 0.04, 2) * face.size
    side = min(side, shortest)
    left, top = np.clip(centre - side / 2, 0, np.array(image.size) - side)
    return image.resize((size, size), _any_filter(rng), box=(left, top, left + side, top + side))


def degrade(
    image: Image.Image, rng: np.random.Generator, *, untouched: float = 0.25, smoothed: float = 0
) -> Image.Image:
    """Do to an image what its way through the net does: each change sometimes, in this order.

    Args:
        image: What the network will see.
        rng: Decides.
        untouched: Share of images that are mirrored at most here.
        smoothed: Share of the others that a median filter goes over, as beauty filters do.
    """
    if chance(rng, 0.5):
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if chance(rng, untouched):
        return image
    if smoothed and chance(rng, smoothed):
        image = image.filter(ImageFilter.MedianFilter(3))
    if chance(rng, 0.5):
        image = shift_colours(image, 1, rng)
    if chance(rng, 0.3):
        image = rescale(image, rng.uniform(0.4, 1), rng)
    if chance(rng, 0.15):
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.5)))
    if chance(rng, 0.2):
        image = noise(image, rng.uniform(1, 8), rng)
    if chance(rng, 0.6):
        image = jpeg(int(rng.integers(30, 96)))(image)
    if chance(rng, 0.02):
        image = image.convert("L").convert("RGB")
    return image


def erase(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Cover a rectangle with one colour, so that no single place decides (DeVries and Taylor 2017).

    It takes a tenth to four tenths of each side and may overhang the border.
    """
    size = np.array(image.size) * rng.uniform(0.1, 0.4, 2)
    left, top = rng.uniform(-size / 2, np.array(image.size) - size / 2)
    covered = image.copy()
    colour = tuple(rng.integers(0, 256, 3).tolist())
    covered.paste(colour, (round(left), round(top), round(left + size[0]), round(top + size[1])))
    return covered


def rescale(image: Image.Image, factor: float, rng: np.random.Generator) -> Image.Image:
    """Shrink to ``factor`` of the size and enlarge again, each with any filter."""
    small = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(small, _any_filter(rng)).resize(image.size, _any_filter(rng))


def shift_colours(image: Image.Image, strength: float, rng: np.random.Generator) -> Image.Image:
    """Change brightness, contrast, saturation and the balance of the channels, by 0 to 1."""
    for enhancer in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = enhancer(image).enhance(1 + strength * rng.uniform(-0.2, 0.2))
    offsets = strength * rng.uniform(-12, 12, 3)
    table = np.clip(np.arange(256) + offsets[:, np.newaxis], 0, 255).astype(np.uint8)
    return image.point(table.ravel().tolist())


def noise(image: Image.Image, sigma: float, rng: np.random.Generator) -> Image.Image:
    """Add Gaussian noise of a standard deviation in grey levels."""
    pixels = np.asarray(image, np.float32)
    pixels = pixels + sigma * rng.standard_normal(pixels.shape, np.float32)
    return Image.fromarray(np.clip(pixels + 0.5, 0, 255).astype(np.uint8))


def _any_filter(rng: np.random.Generator) -> Image.Resampling:
    return _FILTERS[rng.integers(len(_FILTERS))]
