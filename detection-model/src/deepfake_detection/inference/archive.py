"""An archive of images as one stream, cut into units that are scored, written and resumed whole.

Folders, tar shards, globs and file lists may hold ten million images, so nothing here keeps more
than the names of one folder (or those that a glob matches) and the images of one unit.
"""

import glob
import hashlib
import os
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deepfake_detection.errors import UserError

# Those that cannot be decoded are listed too: their owner should learn that they were not judged.
SUFFIXES = frozenset(
    ".jpg .jpeg .png .webp .gif .bmp .tif .tiff .heic .heif .avif".split()  # noqa: SIM905
)
LIST_SUFFIXES = frozenset({".txt", ".list"})
# Images in a unit on average: some seconds of work, a table of some 10 kB.
UNIT_IMAGES = 256


@dataclass(frozen=True)
class ArchiveImage:
    """Where the bytes of one image lie.

    Attributes:
        name: What its row is called: the path below SOURCE, in a shard ``SHARD.tar/MEMBER``.
        file: Absolute path of the file, or of the shard.
        offset, size: Bytes of a shard's member; None for a file of its own.
        problem: Why there is nothing to read, for a damaged shard or a closed folder.
    """

    name: str
    file: Path
    offset: int | None = None
    size: int = 0
    problem: str | None = None

    def source(self, max_bytes: int) -> bytes | Path:
        """What ``judge`` takes; of a member too large no more than shows that it is.

        Raises:
            OSError: If a shard cannot be read.
        """
        if self.offset is None:
            return self.file
        with self.file.open("rb") as shard:
            shard.seek(self.offset)
            return shard.read(min(self.size, max_bytes + 1))


@dataclass(frozen=True)
class Unit:
    """Images that follow each other in the stream.

    Attributes:
        key: Made of their names: the same images are the same unit in the next run.
    """

    key: str
    images: tuple[ArchiveImage, ...]


def archive_images(source: str) -> Iterator[ArchiveImage]:
    """Every image of a folder, a tar shard, a glob or a file list, in an order that stays.

    Raises:
        UserError: If there is nothing by that name.
    """
    path = Path(source)
    if path.is_dir():
        return _in_folder(path.absolute(), "")
    if path.suffix in LIST_SUFFIXES and path.is_file():
        return _listed(path)
    matches = [source] if path.exists() else sorted(glob.glob(source, recursive=True))  # noqa: PTH207
    if not matches:
        raise UserError(f"There is no file, folder or match of {source}.")
    return (image for match in matches for image in _at(Path(match).absolute(), match))


def units(images: Iterable[ArchiveImage]) -> Iterator[Unit]:
    """Cut a stream into units.

    Where one ends is up to the name of its last image, so that an image added or removed changes
    the unit it lies in and no other.
    """
    unit: list[ArchiveImage] = []
    for image in images:
        unit.append(image)
        if _digest(image.name)[0] % UNIT_IMAGES == 0:
            yield _unit(unit)
            unit = []
    if unit:
        yield _unit(unit)


def _unit(images: list[ArchiveImage]) -> Unit:
    key = _digest("\0".join(image.name for image in images)).hex()
    return Unit(key, tuple(images))


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _listed(file_list: Path) -> Iterator[ArchiveImage]:
    """One path a line, relative to the working folder."""
    with file_list.open(encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            if name := line.rstrip("\r\n"):
                yield from _at(Path(name).absolute(), name)


def _at(path: Path, name: str) -> Iterator[ArchiveImage]:
    """What one path stands for: a folder, a shard or a file, whatever its suffix."""
    if path.is_dir():
        yield from _in_folder(path, f"{name.rstrip('/')}/")
    elif _is_shard(path):
        yield from _in_shard(path, name)
    else:
        yield ArchiveImage(_printable(name), path)


def _in_folder(folder: Path, prefix: str) -> Iterator[ArchiveImage]:
    try:
        with os.scandir(folder) as listing:
            entries = sorted((entry.name, entry.is_dir()) for entry in listing)
    except OSError as error:
        problem = f"The folder cannot be read: {error.strerror}."
        yield ArchiveImage(_printable(prefix or folder.name), folder, problem=problem)
        return
    for entry, is_folder in entries:
        path, name = folder / entry, prefix + entry
        if is_folder:
            yield from _in_folder(path, f"{name}/")
        elif _is_shard(path):
            yield from _in_shard(path, name)
        elif path.suffix.lower() in SUFFIXES:
            yield ArchiveImage(_printable(name), path)


def _in_shard(shard: Path, name: str) -> Iterator[ArchiveImage]:
    """The members of a tar archive, found by their headers alone."""
    try:
        with tarfile.open(shard, "r:") as tar:
            while (member := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]  # tarfile would keep them all
                if member.isfile() and Path(member.name).suffix.lower() in SUFFIXES:
                    yield ArchiveImage(
                        _printable(f"{name}/{member.name}"), shard, member.offset_data, member.size
                    )
    except (tarfile.TarError, OSError) as error:
        problem = f"The shard is damaged, or no uncompressed tar archive: {error}."
        yield ArchiveImage(_printable(name), shard, problem=problem)


def _is_shard(path: Path) -> bool:
    return path.name.lower().endswith((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"))


def _printable(name: str) -> str:
    """A file name as text that any table takes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
