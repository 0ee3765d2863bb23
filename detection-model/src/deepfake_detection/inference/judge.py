"""Judge images: the one function behind the server, ``deepfake predict`` and ``deepfake score``."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from deepfake_detection.image.card import Card, Verdict
from deepfake_detection.image.decode import ImageError, Limits
from deepfake_detection.inference.explain import (
    HeatMap,
    Method,
    class_activation,
    occlusion,
    to_values,
)
from deepfake_detection.inference.faces import MIN_FACE, Face, crop_box
from deepfake_detection.inference.network import Network
from deepfake_detection.inference.picture import FaceSearch, Picture, look_at, milliseconds_since
from deepfake_detection.inference.second_look import AlteredScore, SecondLook, altered

# Images to judge at once: more make no network faster, and all their pixels are kept until then.
BATCH = 32

Reason = Literal["no_face", "faces_too_small", "near_threshold", "unstable"]


@dataclass(frozen=True)
class Timings:
    """Milliseconds spent on an image; the network's are those of the batch it was in.

    What was not asked for took 0.
    """

    decode: float
    faces: float
    network: float
    explain: float
    second_look: float

    @property
    def total(self) -> float:
        """All of them."""
        return self.decode + self.faces + self.network + self.explain + self.second_look


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
        heat_map: Over its crop, if asked for and if it was scored; by occlusion only for the one
            that decided.
    """

    left: int
    top: int
    right: int
    bottom: int
    score: float
    fake_probability: float | None
    too_small: bool
    decided: bool
    heat_map: HeatMap | None


@dataclass(frozen=True)
class Judgement:
    """What is said of one image.

    Attributes:
        fake_probability: Calibrated, 1.0 = certainly fake; the highest of the faces scored.
        verdict: ``fake``, ``real`` or ``inconclusive``.
        reason: Why it is inconclusive; None if it is not.
        width, height: Of the full upright image, in pixels.
        faces: The largest first, ``faces.MAX_FACES`` at most.
        heat_map: Over the whole image, if asked for and if it was scored as a whole.
        second_look: If asked for; of the face that decided, or of the whole image.
    """

    fake_probability: float
    verdict: Verdict
    reason: Reason | None
    width: int
    height: int
    faces: tuple[JudgedFace, ...]
    heat_map: HeatMap | None
    second_look: SecondLook | None
    timings_ms: Timings


def judge(
    network: Network,
    sources: Sequence[bytes | Path],
    *,
    faces: FaceSearch = "auto",
    explain: bool = False,
    second_look: bool = False,
    limits: Limits = Limits(),
) -> list[Judgement | ImageError | OSError]:
    """Judge images, all faces of all of them as one batch.

    Args:
        network: As ``load_network`` opens it.
        sources: Encoded images or their paths.
        faces: ``auto`` looks for faces and shows the network what its card asks for; an image
            without a usable one is scored as a whole, and inconclusive. ``off`` scores whole images
            as they are, without the detector.
        explain: Add heat maps: one more pass through the network, or 65 of them for one that does
            not end in global average pooling.
        second_look: Score what decided three more times, mildly altered; where it is called fake
            and real, the verdict is inconclusive.
        limits: Ceilings on bytes and pixels.

    Returns:
        One entry for each source in order: a judgement, or the error that prevented it.
    """
    outcomes = [_attempt(source, network.card, faces, limits) for source in sources]
    pictures = [outcome for outcome in outcomes if isinstance(outcome, Picture)]
    if not pictures:
        return [outcome for outcome in outcomes if not isinstance(outcome, Picture)]
    started = time.perf_counter()
    p = network.fake_probabilities(np.concatenate([picture.pixels for picture in pictures]))
    network_ms = milliseconds_since(started)
    views = np.cumsum([len(picture.pixels) for picture in pictures])
    scores = iter(np.split(p, views[:-1]))
    return [
        _judgement(network, outcome, next(scores), network_ms, explain, second_look)
        if isinstance(outcome, Picture)
        else outcome
        for outcome in outcomes
    ]


def _attempt(
    source: bytes | Path, card: Card, faces: FaceSearch, limits: Limits
) -> Picture | ImageError | OSError:
    try:
        return look_at(source, card, faces, limits)
    except (ImageError, OSError) as error:
        return error


def _judgement(
    network: Network,
    picture: Picture,
    scores: NDArray[np.float64],
    network_ms: float,
    explain: bool,
    second_look: bool,
) -> Judgement:
    highest = int(np.argmax(scores))
    p = float(scores[highest])
    started = time.perf_counter()
    maps = _heat_maps(network, picture, highest) if explain else {}
    explain_ms = milliseconds_since(started) if explain else 0
    started = time.perf_counter()
    again = _second_look(network, picture.pixels[highest], p) if second_look else None
    again_ms = milliseconds_since(started) if second_look else 0
    reason = _reason(network.card, picture.faces, p, again)
    return Judgement(
        fake_probability=p,
        verdict="inconclusive" if reason else network.card.verdict(p),
        reason=reason,
        width=picture.width,
        height=picture.height,
        faces=_judged_faces(picture, scores, highest, maps),
        heat_map=None if picture.scored else maps.get(0),
        second_look=again,
        timings_ms=Timings(picture.decode_ms, picture.faces_ms, network_ms, explain_ms, again_ms),
    )


def _heat_maps(network: Network, picture: Picture, highest: int) -> dict[int, HeatMap]:
    """Heat maps of the views that have one, by their position."""
    evidence: dict[int, NDArray[np.float32]]
    method: Method
    if network.has_activation_map:
        method = "class_activation"
        evidence = dict(enumerate(class_activation(network, picture.pixels)))
    else:
        method = "occlusion"
        evidence = {highest: occlusion(network, picture.pixels[highest])}
    size = picture.width, picture.height
    boxes = [crop_box(face, size, network.card.margin) for face in picture.scored]
    boxes = boxes or [(0, 0, *size)]
    return {
        view: HeatMap(*boxes[view], method=method, values=to_values(one))
        for view, one in evidence.items()
    }


def _second_look(network: Network, pixels: NDArray[np.uint8], p: float) -> SecondLook:
    copies = altered(pixels, network.card.input)
    scores = network.fake_probabilities(np.stack(list(copies.values()))).tolist()
    return SecondLook(
        lowest=min(p, *scores),
        highest=max(p, *scores),
        scores=tuple(AlteredScore(a, q) for a, q in zip(copies, scores, strict=True)),
    )


def _reason(
    card: Card, faces: Sequence[Face] | None, p: float, again: SecondLook | None
) -> Reason | None:
    if faces is not None and not faces:
        return "no_face"
    if faces is not None and all(face.size < MIN_FACE for face in faces):
        return "faces_too_small"
    if card.verdict(p) == "inconclusive":
        return "near_threshold"
    if again is not None and _flips(card, again):
        return "unstable"
    return None


def _flips(card: Card, again: SecondLook) -> bool:
    return card.verdict(again.lowest) == "real" and card.verdict(again.highest) == "fake"


def _judged_faces(
    picture: Picture, scores: NDArray[np.float64], highest: int, maps: dict[int, HeatMap]
) -> tuple[JudgedFace, ...]:
    shown = len(picture.scored)
    return tuple(
        JudgedFace(
            *_box_within(face, picture),
            score=face.score,
            fake_probability=float(scores[position]) if position < shown else None,
            too_small=face.size < MIN_FACE,
            decided=position < shown and position == highest,
            heat_map=maps.get(position) if position < shown else None,
        )
        for position, face in enumerate(picture.faces or ())
    )


def _box_within(face: Face, picture: Picture) -> tuple[int, int, int, int]:
    """Return (left, top, right, bottom) in whole pixels, without what overhangs."""
    left, right = (min(max(0, round(x)), picture.width) for x in (face.left, face.right))
    top, bottom = (min(max(0, round(y)), picture.height) for y in (face.top, face.bottom))
    return left, top, right, bottom
