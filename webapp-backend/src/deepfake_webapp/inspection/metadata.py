"""EXIF and PNG text: what camera, when, where, with which software."""

import math
from collections.abc import Iterator
from typing import Any

from PIL import ExifTags, Image

from deepfake_detection.image.essentials import MAX_EXIF
from deepfake_webapp.inspection.report import MAX_ENTRIES, Entry, Metadata, Position, clean

# In the order a person reads them.
_TAGS = {
    ExifTags.Base.Make: "Camera maker",
    ExifTags.Base.Model: "Camera",
    ExifTags.Base.LensModel: "Lens",
    ExifTags.Base.DateTimeOriginal: "Taken",
    ExifTags.Base.DateTimeDigitized: "Digitised",
    ExifTags.Base.DateTime: "Changed",
    ExifTags.Base.Software: "Software",
    ExifTags.Base.ProcessingSoftware: "Processed with",
    ExifTags.Base.HostComputer: "Device",
    ExifTags.Base.ImageDescription: "Description",
    ExifTags.Base.UserComment: "Comment",
    ExifTags.Base.Artist: "Artist",
    ExifTags.Base.Copyright: "Copyright",
    ExifTags.Base.ImageUniqueID: "Image number",
}
# XMP is read by `generator`; the others are no text of a person's.
_SILENT_TEXTS = ("XML:com.adobe.xmp", "Raw profile type exif", "Raw profile type xmp")


def read_metadata(image: Image.Image) -> Metadata:
    """Read a loaded image's EXIF and PNG text; broken parts are left out and said to be so."""
    entries = [
        Entry(name=f"PNG text “{clean(key, 80)}”", value=clean(text))
        for key, text in png_texts(image).items()
    ]
    position = None
    damaged = False
    try:
        entries = [*_exif_entries(exif_tags(image)), *entries]
        position = _position(image.getexif().get_ifd(ExifTags.IFD.GPSInfo))
    except Exception:  # Pillow raises nearly anything on a damaged block
        damaged = True
    return Metadata(entries=entries[:MAX_ENTRIES], position=position, damaged=damaged)


def exif_tags(image: Image.Image) -> dict[int, Any]:
    """The tags of the image and of its exposure in one dictionary.

    Raises:
        Exception: Nearly any, on a damaged block.
    """
    if len(image.info.get("exif", b"")) > MAX_EXIF:
        raise ValueError("too long to be what it says")
    exif = image.getexif()
    return dict(exif) | exif.get_ifd(ExifTags.IFD.Exif)


def png_texts(image: Image.Image) -> dict[str, str]:
    """A PNG file's text chunks by their keyword; empty for other formats."""
    texts: dict[str, str] = getattr(image, "text", {})
    return {key: str(text) for key, text in texts.items() if key not in _SILENT_TEXTS}


def comment_text(value: object) -> object:
    """An EXIF comment without the eight bytes that name its encoding."""
    if not isinstance(value, bytes):
        return value
    encoding, text = value[:8], value[8:]
    if encoding.startswith(b"UNICODE"):
        # The standard leaves the byte order open, and writers differ.
        return text.decode("utf-16-be" if text[:1] == b"\0" else "utf-16-le", "replace")
    return text if encoding in (b"ASCII\0\0\0", bytes(8)) else value


def _exif_entries(tags: dict[int, Any]) -> Iterator[Entry]:
    for tag, name in _TAGS.items():
        value = comment_text(tags[tag]) if tag in tags else ""
        if text := clean(value):
            yield Entry(name=name, value=text)


def _position(gps: dict[int, Any]) -> Position | None:
    try:
        latitude = _degrees(gps[ExifTags.GPS.GPSLatitude], gps[ExifTags.GPS.GPSLatitudeRef], "S")
        longitude = _degrees(gps[ExifTags.GPS.GPSLongitude], gps[ExifTags.GPS.GPSLongitudeRef], "W")
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):  # noqa: PLR2004 - degrees
        return None
    return Position(latitude=latitude, longitude=longitude)


def _degrees(parts: Any, reference: str, negative: str) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    value = degrees + minutes / 60 + seconds / 3600
    if not math.isfinite(value):
        raise ValueError("no number")
    return round(-value if reference == negative else value, 6)
