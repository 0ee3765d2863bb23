"""Measure a network on labelled images, through the same inference that serves uploads."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from deepfake_detection.image.card import Evaluation, Scores
from deepfake_detection.image.decode import ImageError, decode
from deepfake_detection.image.preprocess import to_pixels
from deepfake_detection.inference.faces import face_pixels, shared_detector
from deepfake_detection.inference.network import Network
from deepfake_detection.training.dataset import DataError, LabelledImage, SkippedFile
from deepfake_detection.training.metrics import decided, reliability, roc, scores
from deepfake_detection.training.reporting import progress, report_skipped
from deepfake_detection.training.robustness import ALTERATIONS, Alteration

_BATCH = 64


@dataclass(frozen=True)
class Scored:
    """Labelled images with what a network says of them.

    Attributes:
        raw: P(fake) before calibration, of shape (images,).
        labels: 1.0 for fake, 0.0 for real.
    """

    images: list[LabelledImage]
    raw: NDArray[np.float32]
    labels: NDArray[np.float32]
    skipped: list[SkippedFile]


def score_images(
    network: Network,
    images: Sequence[LabelledImage],
    *,
    alter: Alteration | None = None,
    description: str = "Scoring",
) -> Scored:
    """Score every image that can be decoded, each altered first if ``alter`` is given."""
    card = network.card
    spec = card.input
    # An alteration, or a face, wants all the pixels there are.
    needed = (spec.width, spec.height) if alter is None and card.crop == "whole" else None

    def pixels_of(image: LabelledImage) -> NDArray[np.uint8] | SkippedFile:
        try:
            decoded = decode(image.path, at_least=needed)
        except (ImageError, OSError) as error:
            return SkippedFile(image.path, str(error))
        pixels = alter(decoded.pixels) if alter else decoded.pixels
        if card.crop == "whole":
            return to_pixels(pixels, spec)
        faces = shared_detector().detect(pixels)
        return face_pixels(pixels, faces[0] if faces else None, spec, card.margin)

    kept: list[LabelledImage] = []
    skipped: list[SkippedFile] = []
    raw: list[NDArray[np.float32]] = []
    with ThreadPoolExecutor() as pool:
        chunks = list(_chunks(images))
        for chunk in progress(chunks, description):
            results = list(zip(chunk, pool.map(pixels_of, chunk), strict=True))
            skipped += [result for _, result in results if isinstance(result, SkippedFile)]
            good = [(i, r) for i, r in results if not isinstance(r, SkippedFile)]
            if good:
                kept += [image for image, _ in good]
                raw.append(network.raw_probabilities(np.stack([pixels for _, pixels in good])))
    report_skipped(skipped)
    labels = np.array([image.label for image in kept], np.float32)
    return Scored(kept, np.concatenate(raw or [np.empty(0, np.float32)]), labels, skipped)


def evaluate(
    network: Network,
    images: Sequence[LabelledImage],
    *,
    data: str,
    split: str,
    command: str,
    robustness: bool = False,
) -> Evaluation:
    """Measure a network on one split, per source and together.

    Args:
        network: The network with its card's calibration.
        images: As ``read_split`` lists them.
        data: What the result calls the data.
        split: What the result calls the split.
        command: The command that repeats the measurement.
        robustness: Measure again under every alteration; takes ten times as long.

    Raises:
        DataError: If no image can be read.
    """
    scored = score_images(network, images, description=f"Scoring {split}")
    if not scored.images:
        raise DataError(f"None of the {len(images)} images of {data}, {split}, can be read.")
    p = calibrate(network, scored.raw)
    curve = roc(p, scored.labels)
    return Evaluation(
        data=data,
        split=split,
        command=command,
        date=datetime.now(UTC).date().isoformat(),
        sources=scores_by_source(p, scored),
        decided=decided(p, scored.labels, network.card),
        roc=curve,
        # One class alone has no share of fakes that a probability could be compared with.
        reliability=reliability(p, scored.labels) if curve else [],
        robustness=dict(_robustness(network, images)) if robustness else {},
    )


def calibrate(network: Network, raw: NDArray[np.float32]) -> NDArray[np.float64]:
    """Apply the card's calibration to raw probabilities."""
    return network.card.calibration.apply_all(raw)


def scores_by_source(p: NDArray[np.float64], scored: Scored) -> dict[str, Scores]:
    """Measure each source of the manifest on its own, and ``all`` of them, with intervals."""
    sources = np.array([image.source for image in scored.images])
    groups = np.array([image.group for image in scored.images])
    parts = {"all": np.full(len(p), True)}
    if len(names := np.unique(sources)) > 1:
        parts |= {str(name): sources == name for name in names}
    return {
        name: scores(p[rows], scored.labels[rows], groups[rows].tolist())
        for name, rows in parts.items()
    }


def _robustness(network: Network, images: Sequence[LabelledImage]) -> Iterator[tuple[str, Scores]]:
    for name, alter in ALTERATIONS.items():
        scored = score_images(network, images, alter=alter, description=name)
        yield name, scores(calibrate(network, scored.raw), scored.labels)


def _chunks(images: Sequence[LabelledImage]) -> Iterator[Sequence[LabelledImage]]:
    return (images[start : start + _BATCH] for start in range(0, len(images), _BATCH))
