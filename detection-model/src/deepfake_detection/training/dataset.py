"""The labelled images on disk: ``Dataset/{Train,Validation,Test}/{Fake,Real}``.

A ``manifest.csv`` beside ``Dataset`` may add where each image comes from; without one, all images
are of one source and each is a group of its own.
"""

import csv
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from deepfake_detection.errors import UserError

SPLITS = ("Train", "Validation", "Test")
LABELS = {"Real": 0, "Fake": 1}
UNKNOWN_SOURCE = "unknown"
PHOTOGRAPH_SPLITS = ("Validation", "Train", "Train", "Test", "Train", "Train")


class DataError(UserError):
    """Data that cannot be used; the message names the folder and what to do."""


@dataclass(frozen=True)
class LabelledImage:
    """One image file and what is known about it.

    Attributes:
        label: 1 for fake, 0 for real.
        source: Where the image comes from, as the manifest names it.
        group: Images that share a person or a scene share a group; groups never cross splits.
    """

    path: Path
    label: int
    source: str
    group: str


@dataclass(frozen=True)
class SkippedFile:
    """A file that is no image, and why."""

    path: Path
    reason: str


def find_dataset(data: Path) -> Path:
    """Return the folder that holds the splits: ``data`` itself or ``data/Dataset``.

    Raises:
        DataError: If neither holds ``Train``, ``Validation`` and ``Test``.
    """
    for candidate in (data / "Dataset", data.resolve()):
        if any((candidate / split).is_dir() for split in SPLITS):
            return candidate
    raise DataError(
        f"No data set in {data}: expected Dataset/{{Train,Validation,Test}}/{{Fake,Real}} there. "
        "Unpack the data set into that folder or name another one with --data."
    )


def read_split(data: Path, split: str) -> list[LabelledImage]:
    """List one split's files, sorted by path, whether or not they can be decoded.

    Raises:
        DataError: If the split or one of its classes is missing or empty.
    """
    dataset = find_dataset(data)
    if not (dataset / split).is_dir():
        raise DataError(f"The split {split} is missing: there is no folder {dataset / split}.")
    manifest = _read_manifest(dataset)
    images: list[LabelledImage] = []
    for class_name, label in LABELS.items():
        folder = dataset / split / class_name
        files = sorted(p for p in folder.glob("*") if p.is_file() and p.name[0] != ".")
        if not files:
            raise DataError(
                f"The class {class_name} of {split} has no images: put some into {folder}."
            )
        images += [_labelled(path, label, dataset, manifest) for path in files]
    return images


def read_photographs(folder: Path, split: str) -> list[LabelledImage]:
    """List a folder's files as photographs of one source, named after the folder.

    In the names' order one in six is of Validation, one in six of Test and the others of Train.

    Raises:
        DataError: If there are too few, or no such split.
    """
    if split not in PHOTOGRAPH_SPLITS:
        raise DataError(f"There is no split {split}: choose Train, Validation or Test.")
    files = sorted(p for p in folder.glob("*") if p.is_file() and p.name[0] != ".")
    if len(files) < len(PHOTOGRAPH_SPLITS):
        raise DataError(f"There are no photographs in {folder}: name a folder of image files.")
    return [
        LabelledImage(path, LABELS["Real"], folder.name, path.name)
        for path, of in zip(files, cycle(PHOTOGRAPH_SPLITS), strict=False)
        if of == split
    ]


def count_by_source(images: list[LabelledImage]) -> dict[str, int]:
    """Number of images of each source and class, as ``"source/fake": n``."""
    names = {label: name.lower() for name, label in LABELS.items()}
    return dict(sorted(Counter(f"{i.source}/{names[i.label]}" for i in images).items()))


def fingerprint(images: Sequence[LabelledImage]) -> str:
    """Return a name for the files and their order that changes whenever one of them does."""
    digest = hashlib.sha256()
    for image in images:
        stat = image.path.stat()
        digest.update(f"{image.path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:24]


def _labelled(
    path: Path, label: int, dataset: Path, manifest: dict[str, tuple[str, str]]
) -> LabelledImage:
    relative = path.relative_to(dataset).as_posix()
    source, group = manifest.get(f"{dataset.name}/{relative}", (UNKNOWN_SOURCE, relative))
    return LabelledImage(path, label, source, group)


def _read_manifest(dataset: Path) -> dict[str, tuple[str, str]]:
    """Map each path of the manifest to its (source, group)."""
    path = dataset.parent / "manifest.csv"
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        missing = {"path", "source", "group"} - set(rows.fieldnames or ())
        if missing:
            raise DataError(
                f"{path} lacks the column {min(missing)!r}: add it, or remove the file."
            )
        return {row["path"]: (row["source"], row["group"]) for row in rows}
