"""The faces of a data set: found once, and cut for validation as serving cuts them."""

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deepfake_detection.image.decode import ImageError, decode
from deepfake_detection.inference.faces import Face, FaceDetector
from deepfake_detection.training.dataset import LabelledImage, SkippedFile, fingerprint
from deepfake_detection.training.reporting import progress, report_skipped


@dataclass(frozen=True)
class LocatedImage:
    """An image and the largest face in it, if there is one."""

    image: LabelledImage
    face: Face | None


def locate_faces(
    images: Sequence[LabelledImage], cache: Path, description: str
) -> list[LocatedImage]:
    """Find the largest face of every image that can be decoded; takes 10 ms an image.

    Args:
        images: As ``read_split`` lists them.
        cache: Folder that keeps the answers for the next run.
        description: Stands before the progress bar.
    """
    cache.mkdir(parents=True, exist_ok=True)
    known = cache / f"faces-{fingerprint(images)}.json"
    if not known.is_file():
        found = [_to_json(result) for result in progress(_locate(images), description, len(images))]
        partial = known.with_suffix(".partial")
        partial.write_text(json.dumps(found), encoding="utf-8")
        partial.replace(known)
    answers = json.loads(known.read_text(encoding="utf-8"))
    pairs = list(zip(images, answers, strict=True))
    report_skipped([SkippedFile(i.path, answer) for i, answer in pairs if isinstance(answer, str)])
    return [
        LocatedImage(image, _from_json(answer))
        for image, answer in pairs
        if not isinstance(answer, str)
    ]


def _locate(images: Sequence[LabelledImage]) -> Iterator[Face | Exception | None]:
    detector = FaceDetector(threads=1)

    def largest(image: LabelledImage) -> Face | Exception | None:
        try:
            faces = detector.detect(decode(image.path).pixels)
        except (ImageError, OSError) as error:
            return error
        return faces[0] if faces else None

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(largest, images)


def _to_json(result: Face | Exception | None) -> object:
    if isinstance(result, Exception):
        return str(result)
    return None if result is None else asdict(result)


def _from_json(answer: dict[str, Any] | None) -> Face | None:
    if answer is None:
        return None
    return Face(**answer | {"landmarks": tuple(tuple(point) for point in answer["landmarks"])})
