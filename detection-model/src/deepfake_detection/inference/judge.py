"""Judge images: the one function behind the server, ``deepfake predict`` and evaluation."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepfake_detection.image.card import Verdict
from deepfake_detection.image.decode import ImageError, Limits
from deepfake_detection.image.preprocess import load_pixels
from deepfake_detection.inference.network import Network


@dataclass(frozen=True)
class Timings:
    """Milliseconds spent on an image; the network's are those of the batch it was in."""

    decode: float
    network: float


@dataclass(frozen=True)
class Judgement:
    """What is said of one image.

    Attributes:
        fake_probability: Calibrated, 1.0 = certainly fake.
        verdict: ``fake``, ``real`` or ``inconclusive``.
        width, height: Of the full upright image, in pixels.
    """

    fake_probability: float
    verdict: Verdict
    width: int
    height: int
    timings: Timings


def judge(
    network: Network,
    sources: Sequence[bytes | Path],
    *,
    limits: Limits = Limits(),
) -> list[Judgement | ImageError | OSError]:
    """Judge images as one batch.

    Args:
        network: As ``load_network`` opens it.
        sources: Encoded images or their paths.
        limits: Ceilings on bytes and pixels.

    Returns:
        One entry for each source in order: a judgement, or the error that prevented it.
    """
    outcomes: dict[int, Judgement | ImageError | OSError] = {}
    decoded = {}
    for position, source in enumerate(sources):
        started = time.perf_counter()
        try:
            pixels, image = load_pixels(source, network.card.input, limits=limits)
        except (ImageError, OSError) as error:
            outcomes[position] = error
            continue
        decoded[position] = (pixels, image, _milliseconds_since(started))
    if decoded:
        started = time.perf_counter()
        probabilities = network.fake_probabilities(np.stack([d[0] for d in decoded.values()]))
        network_ms = _milliseconds_since(started)
        for (position, (_, image, decode_ms)), p in zip(
            decoded.items(), probabilities, strict=True
        ):
            outcomes[position] = Judgement(
                fake_probability=float(p),
                verdict=network.card.verdict(float(p)),
                width=image.width,
                height=image.height,
                timings=Timings(decode_ms, network_ms),
            )
    return [outcomes[position] for position in range(len(sources))]


def _milliseconds_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
