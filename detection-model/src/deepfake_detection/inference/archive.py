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
from typing import BinaryIO

from deepfake_detection.errors import UserError

# Those that cannot be decoded are listed too: their owner should learn that they were not judged.
SUFFIXES = frozenset(
    ".jpg .jpeg .png .webp .gif .bmp .tif .tiff .heic .heif .avif".split()  # noqa: SIM905
)
LIST_SUFFIXES = frozenset({".txt", ".list"})
# Images in a unit on average: some seconds of work, a table of some 10 kB.
UNIT_IMAGES = 256
# Zeros at a tar archive's end, in bytes: at least these, or all until the file ends. One block of
# zeros is no end: a second archive may have been appended, or a damaged disc have lost a header.
_END = 2 * tarfile.RECORDSIZE


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
    if _is_list(path):
        return _listed(path)
    matches = [source] if path.exists() else sorted(glob.glob(source, recursive=True))  # noqa: PTH207
    if not matches:
        raise UserError(f"There is no file, folder or match of {source}.")
    return (image for match in matches for image in _at(Path(match).absolute(), match))


def full_name(source: str) -> str:
    """What a source is called from every working folder.

    Lines of a file list are relative to the working folder, so that is part of its name.
    """
    name = os.path.realpath(source)
    return f"{name} in {Path.cwd()}" if _is_list(Path(source)) else name


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


def _is_list(path: Path) -> bool:
    return path.suffix in LIST_SUFFIXES and path.is_file()


def _listed(file_list: Path) -> Iterator[ArchiveImage]:
    """One path a line, relative to the working folder.

    Raises:
        UserError: If it holds zero bytes, as UTF-16 does.
    """
    with file_list.open(encoding="utf-8-sig", errors="surrogateescape") as lines:
        for line in lines:
            if "\0" in line:
                raise UserError(f"{file_list} is no UTF-8 text, UTF-16 perhaps: save it as UTF-8.")
            if name := line.rstrip("\r\n"):
                yield from _at(Path(name).absolute(), name)


def _at(path: Path, name: str) -> Iterator[ArchiveImage]:
    """What one path stands for: a folder, a shard or a file, whatever its suffix."""
    if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises for what cannot be looked at
        yield from _in_folder(path, f"{name.rstrip('/')}/")
    elif _is_shard(path):
        yield from _in_shard(path, name)
    else:
        yield ArchiveImage(_printable(name), path)


def _in_folder(
    folder: Path, prefix: str, above: frozenset[tuple[int, int]] = frozenset()
) -> Iterator[ArchiveImage]:
    """The images below a folder.

    Args:
        folder: Its path.
        prefix: What their names begin with.
        above: (device, inode) of the folders it lies in. A link back to one of them, or to the
            folder itself, is passed over: its images are listed where they lie.
    """
    try:
        status = folder.stat()
        identity = (status.st_dev, status.st_ino)
        if identity in above:
            return
        with os.scandir(folder) as listing:
            entries = sorted(_looked_at(entry) for entry in listing)
    except OSError as error:
        problem = f"The folder cannot be read: {error.strerror}."
        yield ArchiveImage(_printable(prefix or folder.name), folder, problem=problem)
        return
    for entry, is_folder, problem in entries:
        path, name = folder / entry, prefix + entry
        if problem:
            yield ArchiveImage(_printable(name), path, problem=problem)
        elif is_folder:
            yield from _in_folder(path, f"{name}/", above | {identity})
        elif _is_shard(path):
            yield from _in_shard(path, name)
        elif path.suffix.lower() in SUFFIXES:
            yield ArchiveImage(_printable(name), path)


def _looked_at(entry: os.DirEntry[str]) -> tuple[str, bool, str]:
    """Name, whether it is a folder, and why that cannot be told, for a link in a circle."""
    try:
        return entry.name, entry.is_dir(), ""
    except OSError as error:
        return entry.name, False, f"It cannot be read: {error.strerror}."


def _in_shard(shard: Path, name: str) -> Iterator[ArchiveImage]:
    """The images of a tar archive, found by their headers alone."""
    try:
        with shard.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            for member in _members(tar, file):
                if Path(member.name).suffix.lower() in SUFFIXES and not member.isdir():
                    yield ArchiveImage(
                        _printable(f"{name}/{member.name}"),
                        shard,
                        member.offset_data,
                        member.size,
                        _problem_of(member),
                    )
    except Exception as error:  # tarfile raises nearly anything on damaged headers
        problem = _printable(f"The shard is damaged, or no uncompressed tar archive: {error}.")
        yield ArchiveImage(_printable(name), shard, problem=problem)


def _members(tar: tarfile.TarFile, file: BinaryIO) -> Iterator[tarfile.TarInfo]:
    """What a tar archive in a file holds.

    Raises:
        tarfile.ReadError: If the last of them is followed by anything but the archive's end;
            ``tarfile`` itself takes a damaged header for the end.
    """
    while (member := tar.next()) is not None:
        tar.members.clear()  # type: ignore[attr-defined]  # tarfile would keep them all
        if tar.offset <= member.offset:
            raise tarfile.ReadError(f"the size at byte {member.offset} is negative")
        yield member
    file.seek(tar.offset)
    end = file.read(_END)
    if not end or end.strip(tarfile.NUL):
        raise tarfile.ReadError(f"neither a header nor the end follows at byte {tar.offset}")


def _problem_of(member: tarfile.TarInfo) -> str | None:
    """Why a member has no image's bytes of its own."""
    if member.islnk() or member.issym():
        target = _printable(member.linkname)
        return f"It is a link to {target}; links within a shard are not followed."
    if not member.isfile() or member.issparse():
        return "It is stored as no plain file; pack the shard anew."
    return None


def _is_shard(path: Path) -> bool:
    return path.name.lower().endswith((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"))


def _printable(name: str) -> str:
    """A file name as text that any table takes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
