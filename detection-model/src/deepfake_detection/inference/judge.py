"""Judge images: the one function behind the server, ``deepfake predict`` and ``deepfake score``."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from deepfake_detection.image.card import Card, Verdict
from deepfake_detection.image.decode import DecodedImage, ImageError, Limits, decode
from deepfake_detection.inference.faces import (
    MAX_FACES,
    MIN_FACE,
    Face,
    crop_box,
    face_pixels,
    shared_detector,
)
from deepfake_detection.inference.network import Network

FaceSearch = Literal["auto", "off"]
Reason = Literal["no_face", "faces_too_small", "near_threshold"]

# A large JPEG is decoded at 1/2, 1/4 or 1/8 of its size as long as both sides keep twice these
# pixels: enough to find faces, and to cut most of them out without decoding it again.
_LEAST_DECODED = {"whole": 192, "face": 640}


@dataclass(frozen=True)
class Timings:
    """Milliseconds spent on an image; the network's are those of the batch it was in."""

    decode: float
    faces: float
    network: float

    @property
    def total(self) -> float:
        """All of them."""
        return self.decode + self.faces + self.network


@dataclass(frozen=True)
class JudgedFace:
    """One face of an image; lengths are pixels of the full upright image.

    Attributes:
        left, top, right, bottom: Its box, within the image.
        score: The detector's certainty, 0 to 1.
        fake_probability: None if it was not scored: it is too small, or the network was shown the
            whole image.
        too_small: Whether it is smaller than ``MIN_FACE``.
        decided: Whether the image's probability is this face's.
    """

    left: int
    top: int
    right: int
    bottom: int
    score: float
    fake_probability: float | None
    too_small: bool
    decided: bool


@dataclass(frozen=True)
class Judgement:
    """What is said of one image.

    Attributes:
        fake_probability: Calibrated, 1.0 = certainly fake; the highest of the faces scored.
        verdict: ``fake``, ``real`` or ``inconclusive``.
        reason: Why it is inconclusive; None if it is not.
        width, height: Of the full upright image, in pixels.
        faces: The largest first, ``MAX_FACES`` at most.
    """

    fake_probability: float
    verdict: Verdict
    reason: Reason | None
    width: int
    height: int
    faces: tuple[JudgedFace, ...]
    timings_ms: Timings


@dataclass(frozen=True)
class _Picture:
    """An image ready to be scored.

    Attributes:
        faces: In pixels of the full image, the largest first; None if they were not looked for.
        scored: The first of them, which the network is shown; without any, it sees the whole image.
        pixels: What the network is shown, of shape (views, height, width, channels).
    """

    image: DecodedImage
    faces: list[Face] | None
    scored: list[Face]
    pixels: NDArray[np.uint8]
    decode_ms: float
    faces_ms: float


def judge(
    network: Network,
    sources: Sequence[bytes | Path],
    *,
    faces: FaceSearch = "auto",
    limits: Limits = Limits(),
) -> list[Judgement | ImageError | OSError]:
    """Judge images, all faces of all of them as one batch.

    Args:
        network: As ``load_network`` opens it.
        sources: Encoded images or their paths.
        faces: ``auto`` looks for faces and shows the network what its card asks for; an image
            without a usable one is scored as a whole, and inconclusive. ``off`` scores whole images
            as they are, without the detector.
        limits: Ceilings on bytes and pixels.

    Returns:
        One entry for each source in order: a judgement, or the error that prevented it.
    """
    outcomes = [_attempt(source, network.card, faces, limits) for source in sources]
    pictures = [outcome for outcome in outcomes if isinstance(outcome, _Picture)]
    if not pictures:
        return [outcome for outcome in outcomes if not isinstance(outcome, _Picture)]
    started = time.perf_counter()
    p = network.fake_probabilities(np.concatenate([picture.pixels for picture in pictures]))
    network_ms = _milliseconds_since(started)
    views = np.cumsum([len(picture.pixels) for picture in pictures])
    scores = iter(np.split(p, views[:-1]))
    return [
        _judgement(network.card, outcome, next(scores), network_ms)
        if isinstance(outcome, _Picture)
        else outcome
        for outcome in outcomes
    ]


def _attempt(
    source: bytes | Path, card: Card, faces: FaceSearch, limits: Limits
) -> _Picture | ImageError | OSError:
    try:
        return _whole(source, card, limits) if faces == "off" else _searched(source, card, limits)
    except (ImageError, OSError) as error:
        return error


def _whole(source: bytes | Path, card: Card, limits: Limits) -> _Picture:
    """Decode an image for the network to see as a whole."""
    started = time.perf_counter()
    image = decode(source, at_least=(card.input.width, card.input.height), limits=limits)
    pixels = face_pixels(image.pixels, None, card.input, card.margin)[np.newaxis]
    return _Picture(image, None, [], pixels, _milliseconds_since(started), 0)


def _searched(source: bytes | Path, card: Card, limits: Limits) -> _Picture:
    """Decode an image, find its faces, and cut those out that the network is to see."""
    detector = shared_detector()
    started = time.perf_counter()
    least = _LEAST_DECODED[card.crop]
    at_least = (max(card.input.width, least), max(card.input.height, least))
    image = decode(source, at_least=at_least, limits=limits)
    decode_ms = _milliseconds_since(started)

    started = time.perf_counter()
    found = detector.detect(image.pixels)[:MAX_FACES]
    faces = sorted((_of_full_size(face, image) for face in found), key=lambda f: -f.size)
    faces_ms = _milliseconds_since(started)

    started = time.perf_counter()
    scored = [f for f in faces if f.size >= MIN_FACE] if card.crop == "face" else []
    if any(_loses_pixels(face, image, card) for face in scored):
        image = decode(source, limits=limits)
    views: Sequence[Face | None] = [_of_decoded_size(face, image) for face in scored] or [None]
    pixels = np.stack([face_pixels(image.pixels, v, card.input, card.margin) for v in views])
    decode_ms += _milliseconds_since(started)
    return _Picture(image, faces, scored, pixels, decode_ms, faces_ms)


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


def _judgement(
    card: Card, picture: _Picture, scores: NDArray[np.float64], network_ms: float
) -> Judgement:
    highest = int(np.argmax(scores))
    p = float(scores[highest])
    reason = _reason(card, picture.faces, p)
    return Judgement(
        fake_probability=p,
        verdict="inconclusive" if reason else card.verdict(p),
        reason=reason,
        width=picture.image.width,
        height=picture.image.height,
        faces=_judged_faces(picture, scores, highest),
        timings_ms=Timings(picture.decode_ms, picture.faces_ms, network_ms),
    )


def _reason(card: Card, faces: Sequence[Face] | None, p: float) -> Reason | None:
    if faces is not None and not faces:
        return "no_face"
    if faces is not None and all(face.size < MIN_FACE for face in faces):
        return "faces_too_small"
    return "near_threshold" if card.verdict(p) == "inconclusive" else None


def _judged_faces(
    picture: _Picture, scores: NDArray[np.float64], highest: int
) -> tuple[JudgedFace, ...]:
    shown = len(picture.scored)
    return tuple(
        JudgedFace(
            *_box_within(face, picture.image),
            score=face.score,
            fake_probability=float(scores[position]) if position < shown else None,
            too_small=face.size < MIN_FACE,
            decided=position < shown and position == highest,
        )
        for position, face in enumerate(picture.faces or ())
    )


def _box_within(face: Face, image: DecodedImage) -> tuple[int, int, int, int]:
    """Return (left, top, right, bottom) in whole pixels, without what overhangs."""
    left, right = (min(max(0, round(x)), image.width) for x in (face.left, face.right))
    top, bottom = (min(max(0, round(y)), image.height) for y in (face.top, face.bottom))
    return left, top, right, bottom


def _milliseconds_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
