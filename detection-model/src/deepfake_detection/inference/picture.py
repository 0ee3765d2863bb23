"""An image decoded, its faces found, and cut into what a network is shown."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from deepfake_detection.image.card import Card
from deepfake_detection.image.decode import DecodedImage, Limits, decode
from deepfake_detection.inference.faces import (
    MAX_FACES,
    MIN_FACE,
    Face,
    crop_box,
    face_pixels,
    shared_detector,
)

FaceSearch = Literal["auto", "off"]

# A large JPEG is decoded at 1/2, 1/4 or 1/8 of its size as long as both sides keep twice these
# pixels: enough to find faces, and to cut most of them out without decoding it again.
_LEAST_DECODED = {"whole": 192, "face": 640}


@dataclass(frozen=True)
class Picture:
    """An image ready to be scored; of the image itself nothing is kept.

    Attributes:
        width, height: Of the full upright image, in pixels.
        faces: In its pixels, the largest first; None if they were not looked for.
        scored: The first of them, which the network is shown; without any, it sees the whole image.
        pixels: What the network is shown, of shape (views, height, width, channels).
        decode_ms, faces_ms: Milliseconds that decoding and cutting, and looking for faces, took.
    """

    width: int
    height: int
    faces: list[Face] | None
    scored: list[Face]
    pixels: NDArray[np.uint8]
    decode_ms: float
    faces_ms: float


def look_at(source: bytes | Path, card: Card, faces: FaceSearch, limits: Limits) -> Picture:
    """Prepare an image for a network; raises what ``decode`` raises.

    Args:
        source: The encoded image or its path.
        card: Of the network.
        faces: See ``judge``.
        limits: Ceilings on bytes and pixels.
    """
    return _whole(source, card, limits) if faces == "off" else _searched(source, card, limits)


def _whole(source: bytes | Path, card: Card, limits: Limits) -> Picture:
    """Decode an image for the network to see as a whole."""
    started = time.perf_counter()
    image = decode(source, at_least=(card.input.width, card.input.height), limits=limits)
    pixels = face_pixels(image.pixels, None, card.input, card.margin)[np.newaxis]
    return Picture(image.width, image.height, None, [], pixels, milliseconds_since(started), 0)


def _searched(source: bytes | Path, card: Card, limits: Limits) -> Picture:
    """Decode an image, find its faces, and cut those out that the network is to see."""
    detector = shared_detector()
    started = time.perf_counter()
    least = _LEAST_DECODED[card.crop]
    at_least = (max(card.input.width, least), max(card.input.height, least))
    image = decode(source, at_least=at_least, limits=limits)
    decode_ms = milliseconds_since(started)

    started = time.perf_counter()
    found = detector.detect(image.pixels)[:MAX_FACES]
    faces = sorted((_of_full_size(face, image) for face in found), key=lambda f: -f.size)
    faces_ms = milliseconds_since(started)

    started = time.perf_counter()
    scored = [f for f in faces if f.size >= MIN_FACE] if card.crop == "face" else []
    if any(_loses_pixels(face, image, card) for face in scored):
        image = decode(source, limits=limits)
    views: Sequence[Face | None] = [_of_decoded_size(face, image) for face in scored] or [None]
    pixels = np.stack([face_pixels(image.pixels, v, card.input, card.margin) for v in views])
    decode_ms += milliseconds_since(started)
    return Picture(image.width, image.height, faces, scored, pixels, decode_ms, faces_ms)


def _of_full_size(face: Face, image: DecodedImage) -> Face:
    return face.scaled(image.width / image.pixels.width, image.height / image.pixels.height)


def _of_decoded_size(face: Face, image: DecodedImage) -> Face:
    return face.scaled(image.pixels.width / image.width, image.pixels.height / image.height)


def _loses_pixels(face: Face, image: DecodedImage, card: Card) -> bool:
    """Whether a crop has fewer pixels than the network takes, and the photograph has more."""
    if image.pixels.width == image.width:
        return False
    left, _, right, _ = crop_box(_of_decoded_size(face, image), image.pixels.size, card.margin)
    return right - left < max(card.input.width, card.input.height)


def milliseconds_since(started: float) -> float:
    """Milliseconds since a reading of ``time.perf_counter``."""
    return (time.perf_counter() - started) * 1000
