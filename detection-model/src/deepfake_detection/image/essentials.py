"""Leave out of a JPEG or PNG file what its pixels do not need.

Metadata is where files hurt: a million empty comments, texts that unpack to gigabytes, EXIF blocks
that are copied again for each further one. The pixels need none of it but the orientation.
"""

import re
from dataclasses import dataclass

MAX_EXIF = 65_536
# Cameras and editors write some dozens, encoders of PNG one for every 8 kB.
MAX_PIECES = 20_000

# Not the bytes 00 and FF, which are no marker's, nor those that restart within a scan.
_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")
_EOI, _SOS, _APP0, _APP1, _ADOBE = 0xD9, 0xDA, 0xE0, 0xE1, 0xEE
_BARE = (0x01, 0xD8)

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_PNG_TEXTS = (b"tEXt", b"zTXt", b"iTXt")


class TooManyPieces(ValueError):
    """A file in more segments or chunks than any program writes."""


@dataclass(frozen=True)
class Essentials:
    """What is left of a file.

    Attributes:
        data: A file with the same pixels and orientation, if it was a sound one.
        scans: How often a JPEG decoder goes over the image.
    """

    data: bytes
    scans: int = 1


def essentials(data: bytes, *, metadata: int = 0) -> Essentials:
    """Take a file apart and leave the rest out; of other formats and of damage nothing is said.

    Args:
        data: The whole file.
        metadata: Bytes of EXIF, XMP and PNG text to keep beside the first EXIF block.

    Raises:
        TooManyPieces: If it is in more than ``MAX_PIECES``.
    """
    if data.startswith(b"\xff\xd8"):
        return _of_jpeg(data, metadata)
    if data.startswith(_PNG_SIGNATURE):
        return Essentials(_of_png(data, metadata))
    return Essentials(data)


def _of_jpeg(data: bytes, metadata: int) -> Essentials:
    kept = [data[:2]]
    position, scans, in_scan, has_exif = 2, 0, False, False
    for _ in range(MAX_PIECES):
        marker = _MARKER.search(data, position)
        start, end = marker.span() if marker else (len(data), len(data))
        if in_scan:
            kept.append(data[position:start])
        if not marker:
            break
        kind = marker[1][0]
        position = end if kind in _BARE else end + int.from_bytes(data[end : end + 2])
        piece = data[start:position]
        in_scan = kind == _SOS
        scans += in_scan
        # Tables and scans; above are applications' segments and comments.
        if kind <= _APP0 or kind == _ADOBE:
            kept.append(piece)
        elif kind == _APP1:
            first = not has_exif and piece[4:10] == b"Exif\0\0"
            if first or len(piece) <= metadata:
                kept.append(piece)
                metadata -= 0 if first else len(piece)
            has_exif = has_exif or first
        if kind == _EOI:
            break
    else:
        raise TooManyPieces
    return Essentials(b"".join(kept), scans)


def _of_png(data: bytes, metadata: int) -> bytes:
    kept = [data[:8]]
    position = 8
    for _ in range(MAX_PIECES):
        kind = data[position + 4 : position + 8]
        length = int.from_bytes(data[position : position + 4])
        piece = data[position : position + 12 + length]
        position += 12 + length
        if kind in _PNG_PIXELS or (kind == b"eXIf" and length <= MAX_EXIF):
            kept.append(piece)
        elif kind in _PNG_TEXTS and len(piece) <= metadata:
            kept.append(piece)
            metadata -= len(piece)
        if kind == b"IEND" or position >= len(data):
            return b"".join(kept)
    raise TooManyPieces
