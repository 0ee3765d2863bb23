"""What happens to photographs on their way: the alterations of the robustness table."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

Alteration = Callable[[Image.Image], Image.Image]


def jpeg(quality: int) -> Alteration:
    """Encode as JPEG and decode again."""

    def alter(image: Image.Image) -> Image.Image:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        return Image.open(file).convert("RGB")

    return alter


def resized(factor: float) -> Alteration:
    """Shrink or enlarge, antialiased."""

    def alter(image: Image.Image) -> Image.Image:
        size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
        return image.resize(size, Image.Resampling.LANCZOS)

    return alter


def blurred(sigma: float) -> Alteration:
    """Gaussian blur; sigma in pixels."""
    return lambda image: image.filter(ImageFilter.GaussianBlur(sigma))


def noisy(sigma: float) -> Alteration:
    """Add Gaussian noise; sigma in grey levels of 255. The same image gets the same noise."""

    def alter(image: Image.Image) -> Image.Image:
        pixels = np.asarray(image).astype(np.float32)
        noise = np.random.default_rng(0).normal(0, sigma, pixels.shape)
        return Image.fromarray(np.clip(pixels + noise + 0.5, 0, 255).astype(np.uint8))

    return alter


def brightened(factor: float) -> Alteration:
    """Multiply all values, clipped at white."""
    return lambda image: ImageEnhance.Brightness(image).enhance(factor)


def screenshot(image: Image.Image) -> Image.Image:
    """Shown at another size on a screen, captured, and compressed again by a messenger."""
    return jpeg(75)(resized(0.8)(resized(1.25)(jpeg(85)(image))))


ALTERATIONS: dict[str, Alteration] = {
    "JPEG quality 90": jpeg(90),
    "JPEG quality 70": jpeg(70),
    "JPEG quality 50": jpeg(50),
    "JPEG quality 30": jpeg(30),
    "half size": resized(0.5),
    "blur, sigma 1": blurred(1.0),
    "noise, sigma 5": noisy(5.0),
    "brightness x 1.3": brightened(1.3),
    "brightness x 0.7": brightened(0.7),
    "screenshot": screenshot,
}
