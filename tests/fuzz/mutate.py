"""Damage and hostility, drawn at random and the same for the same seed."""

import random
import re
import struct
import zlib
from collections.abc import Callable

from tests.fuzz.files import PNG_SIGNATURE, sound_files

_JPEG_MARKER = re.compile(rb"\xff[\xc0-\xfe]")
_SIZES = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_MOST_BYTES = 400_000


def hostile_file(seed: int, case: int) -> tuple[str, bytes]:
    """One case of a run: the name of the sound file it came from, and its bytes."""
    draw = random.Random(f"{seed} {case}")  # noqa: S311 - no secret
    files = sound_files()
    name = draw.choice(sorted(files))
    data = bytearray(files[name])
    for mutation in draw.choices(_MUTATIONS, k=draw.choice((1, 1, 1, 2, 3, 6))):
        mutation(data, draw)
    if draw.random() < 0.5:
        data = _with_right_sums(data)
    return name, bytes(data[:_MOST_BYTES])


def _headers(data: bytes | bytearray) -> list[int]:
    """Where segments or chunks begin; some place at least."""
    if data.startswith(b"\xff\xd8"):
        found = [match.start() for match in _JPEG_MARKER.finditer(data)]
    elif data.startswith(PNG_SIGNATURE):
        found = [start for start, _ in _png_chunks(data)]
    elif data.startswith(b"RIFF"):
        found = [start for start, _ in _riff_chunks(data)]
    else:
        found = []
    return found or [len(data) // 2]


def _png_chunks(data: bytes | bytearray) -> list[tuple[int, int]]:
    chunks, start = [], 8
    while start + 12 <= len(data):
        end = start + 12 + int.from_bytes(data[start : start + 4])
        chunks.append((start, min(end, len(data))))
        start = end
    return chunks


def _riff_chunks(data: bytes | bytearray) -> list[tuple[int, int]]:
    chunks, start = [], 12
    while start + 8 <= len(data):
        size = int.from_bytes(data[start + 4 : start + 8], "little")
        end = start + 8 + size + size % 2
        chunks.append((start, min(end, len(data))))
        start = end
    return chunks


def _with_right_sums(data: bytearray) -> bytearray:
    for start, end in _png_chunks(data) if data.startswith(PNG_SIGNATURE) else []:
        if end - start >= 12:
            data[end - 4 : end] = struct.pack(">I", zlib.crc32(data[start + 4 : end - 4]))
    return data


def _piece(data: bytes | bytearray, draw: random.Random) -> bytes:
    """From one header to the next but some."""
    headers = [*_headers(data), len(data)]
    first = draw.randrange(len(headers))
    last = min(first + draw.choice((1, 1, 2, 5)), len(headers) - 1)
    return bytes(data[headers[first] : headers[last]])


def _flip_bytes(data: bytearray, draw: random.Random) -> None:
    for _ in range(draw.choice((1, 1, 2, 8, 64))):
        if data:
            data[draw.randrange(len(data))] ^= draw.randrange(1, 256)


def _flip_in_headers(data: bytearray, draw: random.Random) -> None:
    for _ in range(draw.choice((1, 2, 8))):
        place = draw.choice(_headers(data)) + draw.randrange(24)
        if place < len(data):
            data[place] ^= 1 << draw.randrange(8)


def _truncate(data: bytearray, draw: random.Random) -> None:
    place = draw.choice(_headers(data)) if draw.random() < 0.7 else draw.randrange(len(data) + 1)
    del data[max(0, place + draw.randrange(-4, 12)) :]


def _declare_size(data: bytearray, draw: random.Random) -> None:
    width = draw.choice((2, 4))
    place = draw.choice(_headers(data)) + draw.choice((0, 2, 4, 5, 7, 8, 12, 16))
    value = draw.choice(_SIZES) & (256**width - 1)
    data[place : place + width] = value.to_bytes(width, draw.choice(("big", "little")))


def _splice(data: bytearray, draw: random.Random) -> None:
    other = sound_files()[draw.choice(sorted(sound_files()))]
    place = draw.choice(_headers(data))
    data[place:place] = _piece(other, draw)


def _repeat(data: bytearray, draw: random.Random) -> None:
    place = draw.choice(_headers(data))
    piece = _piece(data, draw)[: _MOST_BYTES // 4]
    data[place:place] = piece * draw.choice((1, 2, 3, 50, 1000 if len(piece) < 100 else 1))


def _remove(data: bytearray, draw: random.Random) -> None:
    piece = _piece(data, draw)
    place = data.find(piece)
    del data[place : place + len(piece)]


def _overwrite(data: bytearray, draw: random.Random) -> None:
    length = draw.choice((1, 4, 16, 256, 4096))
    place = draw.randrange(len(data) + 1)
    filling = draw.choice((b"\0", b"\xff", None))
    data[place : place + length] = filling * length if filling else draw.randbytes(length)


def _append(data: bytearray, draw: random.Random) -> None:
    data += draw.randbytes(draw.choice((1, 100, 10_000)))


_MUTATIONS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _flip_bytes,
    _flip_bytes,
    _flip_in_headers,
    _flip_in_headers,
    _truncate,
    _declare_size,
    _declare_size,
    _splice,
    _repeat,
    _remove,
    _overwrite,
    _append,
)
