"""Sound files of every kind, built here, and the pieces they are made of."""

import functools
import io
import struct
import zlib
from typing import Any

from PIL import ExifTags, Image, PngImagePlugin

from tests.webapp_backend.c2pa_files import make_signing_key, sign

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    """A PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    size: tuple[int, int], depth: int, colour: int, *, interlaced: bool = False, more: bytes = b""
) -> bytes:
    """A black PNG of any depth and colour type; ``more`` goes before its pixels."""
    width, height = size
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = bytes(1 + (width * channels * depth + 7) // 8)
    pack = zlib.compressobj(1)
    pixels = b"".join(pack.compress(row) for _ in range(height * (1 + interlaced))) + pack.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    parts = [chunk(b"IHDR", header), more, chunk(b"IDAT", pixels), chunk(b"IEND")]
    return PNG_SIGNATURE + b"".join(parts)


def segment(kind: int, content: bytes) -> bytes:
    """A JPEG segment."""
    return b"\xff" + bytes([kind]) + struct.pack(">H", len(content) + 2) + content


@functools.cache
def sound_files() -> dict[str, bytes]:
    """Small files by name, of every format that is read and of some that are not."""
    return {**_jpegs(), **_pngs(), **_webps(), **_signed(), **foreign_files()}


def foreign_files() -> dict[str, bytes]:
    """Files that are refused."""
    return {
        "picture.gif": _save(_picture("P"), "GIF"),
        "picture.bmp": _save(_picture(), "BMP"),
        "picture.tif": _save(_picture(), "TIFF"),
        "picture.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200),
        "text.jpg": b"hello",
        "empty.jpg": b"",
    }


def _picture(mode: str = "RGB") -> Image.Image:
    radial, linear = Image.radial_gradient("L"), Image.linear_gradient("L")
    return Image.merge("RGB", (radial, linear, radial)).resize((96, 80)).convert(mode)


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make] = "Maker"
    exif[ExifTags.Base.Software] = "Midjourney"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"ASCII\0\0\0Steps: 2, Seed: 3"
    position = exif.get_ifd(ExifTags.IFD.GPSInfo)
    position[ExifTags.GPS.GPSLatitudeRef] = "N"
    position[ExifTags.GPS.GPSLatitude] = (1.0, 2.0, 3.0)
    position[ExifTags.GPS.GPSLongitudeRef] = "W"
    position[ExifTags.GPS.GPSLongitude] = (4.0, 5.0, 6.0)
    return exif


_XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:i="http://iptc.org/">'
    b'<rdf:Description i:DigitalSourceType="trainedAlgorithmicMedia"/></rdf:RDF></x:xmpmeta>'
)


def _jpegs() -> dict[str, bytes]:
    picture, other = _picture(), _picture().rotate(90)
    return {
        "baseline.jpg": _save(picture, "JPEG"),
        "progressive.jpg": _save(picture, "JPEG", progressive=True),
        "full-colour.jpg": _save(picture, "JPEG", subsampling=0, quality=95),
        "restarts.jpg": _save(picture, "JPEG", restart_marker_blocks=2),
        "grey.jpg": _save(_picture("L"), "JPEG"),
        "cmyk.jpg": _save(_picture("CMYK"), "JPEG"),
        "exif.jpg": _save(picture, "JPEG", exif=_exif()),
        "xmp.jpg": _save(picture, "JPEG", xmp=_XMP, comment=b"comment"),
        "profile.jpg": _save(picture, "JPEG", icc_profile=bytes(range(256)) * 4),
        "several.jpg": _save(picture, "MPO", save_all=True, append_images=[other]),
    }


def _pngs() -> dict[str, bytes]:
    modes = ("1", "L", "LA", "P", "RGB", "RGBA")
    files = {f"{mode}.png": _save(_picture(mode), "PNG") for mode in modes}
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", "Steps: 20", zip=True)
    texts.add_itxt("workflow", "{}", zip=True)
    texts.add_itxt("XML:com.adobe.xmp", _XMP.decode())
    palette = chunk(b"PLTE", bytes(range(255)) + b"\0" * 3) + chunk(b"tRNS", bytes(range(86)))
    animation = {"save_all": True, "append_images": [_picture().rotate(180)]}
    return files | {
        "16.png": png((40, 30), 16, 0),
        "16-rgba-interlaced.png": png((40, 30), 16, 6, interlaced=True),
        "palette-4.png": png((40, 30), 4, 3, more=palette),
        "texts.png": _save(_picture(), "PNG", pnginfo=texts, exif=_exif(), dpi=(72, 72)),
        "profile.png": _save(_picture(), "PNG", icc_profile=bytes(500)),
        "animated.png": _save(_picture(), "PNG", **animation),
    }


def _webps() -> dict[str, bytes]:
    animation = {"save_all": True, "append_images": [_picture().rotate(180)]}
    metadata = {"exif": _exif(), "xmp": _XMP, "icc_profile": bytes(500)}
    return {
        "lossy.webp": _save(_picture(), "WEBP"),
        "lossless.webp": _save(_picture("RGBA"), "WEBP", lossless=True),
        "alpha.webp": _save(_picture("RGBA"), "WEBP"),
        "animated.webp": _save(_picture(), "WEBP", **animation),
        "metadata.webp": _save(_picture(), "WEBP", **metadata),
    }


def _signed() -> dict[str, bytes]:
    key = make_signing_key()
    types = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
    return {
        f"signed.{format_.lower()}": sign(_save(_picture(), format_), key, media_type)
        for format_, media_type in types.items()
    }


def _save(image: Image.Image, format_: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()
