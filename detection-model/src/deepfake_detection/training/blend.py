"""Fakes made from photographs: a face blended into a copy of itself, or into another's place.

A detector that learns from the fakes of a few methods knows those methods. What nearly every face
swap has in common is that a region was cut, changed and pasted back; blends show that trace and no
generator's. After self-blended images (Shiohara and Yamasaki 2022) and Face X-ray (Li et al. 2020),
with masks drawn around five landmarks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from deepfake_detection.training.augment import chance, noise, rescale, shift_colours
from deepfake_detection.training.robustness import jpeg

# A front view in units of the distance between the eyes, from the point between them; y points
# down. Five landmarks, and outlines around them from the left over the chin to the right.
LANDMARKS = np.array([(-0.5, 0.0), (0.5, 0.0), (0.0, 0.62), (-0.42, 1.1), (0.42, 1.1)])
_JAW = [(-1.02, 0.0), (-0.98, 0.5), (-0.85, 1.0), (-0.58, 1.45), (-0.2, 1.7)]
_JAW += [(0.2, 1.7), (0.58, 1.45), (0.85, 1.0), (0.98, 0.5), (1.02, 0.0)]
_BROWS = [(0.95, -0.38), (0.5, -0.52), (0.0, -0.42), (-0.5, -0.52), (-0.95, -0.38)]
_FOREHEAD = [(0.85, -0.7), (0.45, -1.05), (0.0, -1.15), (-0.45, -1.05), (-0.85, -0.7)]
_CHEEKS = [(-0.8, 0.45), (-0.72, 0.95), (-0.45, 1.35), (0.0, 1.45)]
_CHEEKS += [(0.45, 1.35), (0.72, 0.95), (0.8, 0.45)]
_EYES = [(-0.9, 0.05), (-0.5, 0.28), (0.0, 0.2), (0.5, 0.28), (0.9, 0.05)]
_MOUTH = [(-0.65, 1.05), (-0.4, 1.38), (0.0, 1.48), (0.4, 1.38), (0.65, 1.05), (0.35, 0.82)]
_MOUTH += [(0.0, 0.78), (-0.35, 0.82)]
_LOWER = [(-0.95, 0.45), *_JAW[2:-2], (0.95, 0.45), (0.3, 0.3), (-0.3, 0.3)]
_NOSE = [(-0.12, -0.1), (-0.34, 0.66), (0.0, 0.82), (0.34, 0.66), (0.12, -0.1)]

# Whole faces, as swaps cut them, more often than parts, as reenactment changes them.
OUTLINES = {
    "face": [*_JAW, *_BROWS],
    "head": [*_JAW, *_FOREHEAD],
    "inner face": [*_CHEEKS, *_BROWS],
    "lower face": _LOWER,
    "eyes": [*_EYES, *_BROWS],
    "mouth": _MOUTH,
    "nose": _NOSE,
}
_OUTLINE_SHARES = (0.32, 0.16, 0.2, 0.14, 0.06, 0.08, 0.04)

Landmarks = NDArray[np.floating[Any]]
Matrix = NDArray[Any]
Change = Callable[[Image.Image, np.random.Generator], Image.Image]


@dataclass(frozen=True)
class Portrait:
    """A photograph and its face's five landmarks.

    Attributes:
        image: Mode ``RGB``.
        landmarks: (5, 2): x and y in pixels of both eyes, the nose and both corners of the mouth.
    """

    image: Image.Image
    landmarks: Landmarks


def self_blend(portrait: Portrait, rng: np.random.Generator, *, banded: float = 0) -> Image.Image:
    """Blend a slightly changed copy of a face into the photograph it comes from.

    Args:
        portrait: The face.
        rng: Decides.
        banded: Share of blends whose coarse and fine structures meet at seams of their own.
    """
    inner, outer = portrait.image, portrait.image
    # Swapped faces are duller or sharper than what surrounds them.
    if chance(rng, 0.5):
        inner = _change(inner, rng)
    else:
        outer = _change(outer, rng)
    inner, covered = _warp(inner, _nudge(portrait.landmarks, rng), portrait.image.size)
    mask = np.minimum(face_mask(portrait, rng), covered)
    if banded and chance(rng, banded):
        return _composite_bands(_composite(inner, outer, covered), outer, mask, portrait, rng)
    return _composite(inner, outer, mask)


def cross_blend(
    portrait: Portrait, donor: Portrait, rng: np.random.Generator, *, banded: float = 0
) -> Image.Image:
    """Put another portrait's face over a face, fitted by its landmarks and coloured alike.

    ``banded`` is that of ``self_blend``.
    """
    to_donor = affine(portrait.landmarks, donor.landmarks)
    face, covered = _warp(donor.image, to_donor, portrait.image.size)
    mask = np.minimum(face_mask(portrait, rng), covered)
    if chance(rng, 0.95):
        face = _match_colours(face, portrait.image, mask)
    if chance(rng, 0.5):
        face = _change(face, rng)
    if banded and chance(rng, banded):
        within = _composite(face, portrait.image, covered)
        return _composite_bands(within, portrait.image, mask, portrait, rng)
    return _composite(face, portrait.image, mask)


def face_mask(portrait: Portrait, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw a soft mask over the face or a part of it.

    Returns:
        float32 of the image's (height, width), 0 to 1: the share of the inner image.
    """
    names = list(OUTLINES)
    corners = np.array(OUTLINES[names[rng.choice(len(names), p=_OUTLINE_SHARES)]])
    outline = corners * rng.uniform(0.85, 1.12, 2) + rng.normal(0, 0.05, corners.shape)
    if chance(rng, 0.15):
        outline = _ellipse(outline)
    corners = on_face(outline, portrait)
    eyes = _eye_distance(portrait)
    mask = Image.new("L", portrait.image.size, 0)
    ImageDraw.Draw(mask).polygon([(x, y) for x, y in corners.tolist()], fill=255)
    mask = mask.filter(ImageFilter.GaussianBlur(eyes * rng.uniform(0.02, 0.18)))
    # Shrink or widen the soft edge, then soften its new corners.
    low = rng.uniform(0, 0.5)
    high = rng.uniform(low + 0.2, 1)
    edge = np.clip((np.asarray(mask, np.float32) / 255 - low) / (high - low), 0, 1)
    opacity = rng.choice([1.0, 1.0, 1.0, 0.75, 0.5])
    return np.asarray(edge * opacity, np.float32)


def on_face(outline: NDArray[np.float64], portrait: Portrait) -> NDArray[np.float64]:
    """Return an outline's corners, given in the units of ``LANDMARKS``, in pixels of the image."""
    to_image = affine(LANDMARKS, portrait.landmarks)
    corners: NDArray[np.float64] = outline @ to_image[:, :2].T + to_image[:, 2]
    return corners


def _ellipse(outline: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an ellipse that fills the outline's bounds."""
    low, high = np.min(outline, axis=0), np.max(outline, axis=0)
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    ellipse: NDArray[np.float64] = (low + high) / 2 + circle * (high - low) / 2
    return ellipse


def affine(points: Landmarks, images: Landmarks) -> Matrix:
    """Return the (2, 3) matrix that maps one set of points onto another, by least squares."""
    homogeneous = np.column_stack([points, np.ones(len(points))])
    matrix: Matrix = np.linalg.lstsq(homogeneous, images, rcond=None)[0].T
    return matrix


def _nudge(landmarks: Landmarks, rng: np.random.Generator) -> Matrix:
    """Return the (2, 3) matrix that moves a face by a few per cent, as an imperfect fit does."""
    angle = np.deg2rad(rng.normal(0, 2))
    stretch = rng.uniform(0.95, 1.05, 2)
    eyes = np.linalg.norm(landmarks[1] - landmarks[0])
    centre = landmarks.mean(axis=0)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * stretch
    move = centre - turn @ centre + rng.normal(0, 0.04, 2) * eyes
    return np.column_stack([turn, move])


def _warp(
    image: Image.Image, matrix: Matrix, size: tuple[int, int]
) -> tuple[Image.Image, NDArray[np.float32]]:
    """Sample an image through a map from the result's pixels to its own.

    Returns:
        The image, and how far it covers each pixel: float32 of its (height, width), 0 to 1.
    """
    how = (size, Image.Transform.AFFINE, tuple(matrix.ravel()))
    warped = image.transform(*how, Image.Resampling.BICUBIC)
    # A few pixels within the border, so that the soft edge shows nothing from beyond it.
    inside = Image.new("L", image.size, 0)
    inside.paste(255, (3, 3, image.width - 3, image.height - 3))
    covered = inside.transform(*how).filter(ImageFilter.GaussianBlur(1.5))
    return warped, np.asarray(covered, np.float32) / np.float32(255)


def _change(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Change colour, sharpness and frequencies, each sometimes, one of the last two always."""
    if chance(rng, 0.7):
        image = shift_colours(image, rng.uniform(0.1, 1), rng)
    frequencies: tuple[Change, ...] = (_rescale, _rescale, _sharpen, _blur)
    image = frequencies[rng.integers(len(frequencies))](image, rng)
    if chance(rng, 0.15):
        image = noise(image, rng.uniform(1, 6), rng)
    if chance(rng, 0.15):
        image = jpeg(int(rng.integers(40, 95)))(image)
    return image


def _rescale(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return rescale(image, rng.uniform(0.3, 0.9), rng)


def _sharpen(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return ImageEnhance.Sharpness(image).enhance(rng.uniform(1.3, 3))


def _blur(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.6)))


def _match_colours(
    face: Image.Image, target: Image.Image, mask: NDArray[np.float32]
) -> Image.Image:
    """Give the face the target's mean and spread of each channel within the mask."""
    inside = mask > 0.5  # noqa: PLR2004 - half
    if not inside.any():
        return face
    pixels, wanted = np.asarray(face, np.float32), np.asarray(target, np.float32)
    mean, spread = pixels[inside].mean(axis=0), pixels[inside].std(axis=0) + 1
    new_mean, new_spread = wanted[inside].mean(axis=0), wanted[inside].std(axis=0) + 1
    matched = (pixels - mean) * np.clip(new_spread / spread, 0.5, 2) + new_mean
    return Image.fromarray(np.clip(matched, 0, 255).astype(np.uint8))


def _eye_distance(portrait: Portrait) -> float:
    return float(np.linalg.norm(portrait.landmarks[1] - portrait.landmarks[0]))


def _composite_bands(
    inner: Image.Image,
    outer: Image.Image,
    mask: NDArray[np.float32],
    portrait: Portrait,
    rng: np.random.Generator,
) -> Image.Image:
    """Mix coarse structures over a wide seam, fine ones over the mask's own.

    Two bands of Burt and Adelson's (1983) many. As after a gradient-domain paste hardly a step in
    colour is left at the seam, only a change in the fine structure. The wide seam goes beyond the
    mask, so both images have to be whole there.
    """
    sigma = _eye_distance(portrait) * rng.uniform(0.1, 0.4)

    def blurred(image: Image.Image) -> NDArray[np.float32]:
        return np.asarray(image.filter(ImageFilter.GaussianBlur(sigma)), np.float32)

    wide = blurred(Image.fromarray((mask * 255).astype(np.uint8)))[..., np.newaxis] / 255
    share = mask[..., np.newaxis]
    coarse_inner, coarse_outer = blurred(inner), blurred(outer)
    mixed = coarse_inner * wide + coarse_outer * (1 - wide)
    mixed += (np.asarray(inner, np.float32) - coarse_inner) * share
    mixed += (np.asarray(outer, np.float32) - coarse_outer) * (1 - share)
    return Image.fromarray(np.clip(mixed + 0.5, 0, 255).astype(np.uint8))


def _composite(inner: Image.Image, outer: Image.Image, mask: NDArray[np.float32]) -> Image.Image:
    share = mask[..., np.newaxis]
    mixed = np.asarray(inner, np.float32) * share + np.asarray(outer, np.float32) * (1 - share)
    return Image.fromarray((mixed + 0.5).astype(np.uint8))
