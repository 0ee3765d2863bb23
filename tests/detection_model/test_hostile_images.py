"""Files made to hurt a decoder: each has its answer, in little time and memory."""

import io
import struct
import subprocess
import sys
import time
import zlib

import numpy as np
import pytest
from PIL import ExifTags, Image, JpegImagePlugin

from deepfake_detection.image import (
    ImageError,
    ImageTooLarge,
    UndecodableImage,
    UnsupportedFormat,
    decode,
)
from deepfake_detection.image.essentials import MAX_PIECES, essentials
from tests.fuzz.files import chunk, png, segment

from .images import encoded, portrait

# Processor time, so that a busy machine fails nothing.
SECONDS = 2.0
LARGEST = (8600, 5800)


def decoded(data: bytes) -> Image.Image:
    started = time.process_time()
    image = decode(data, at_least=(256, 256)).pixels
    assert time.process_time() - started < SECONDS
    return image


def refused(data: bytes, error: type[ImageError]) -> None:
    started = time.process_time()
    with pytest.raises(error):
        decode(data, at_least=(256, 256))
    assert time.process_time() - started < SECONDS


# --- PNG ---


PALETTE = chunk(b"PLTE", bytes(768)) + chunk(b"tRNS", bytes(256))
BOMB = zlib.compress(bytes(50_000_000))


@pytest.mark.parametrize(
    ("depth", "colour", "interlaced", "more"),
    [
        (1, 0, False, b""),
        (16, 0, False, b""),
        (16, 4, False, b""),
        (8, 3, False, PALETTE),
        (8, 6, True, b""),
        (16, 6, False, b""),
    ],
)
@pytest.mark.slow
def test_the_largest_png_of_each_kind_takes_its_time_only(depth, colour, interlaced, more):
    assert decoded(png(LARGEST, depth, colour, interlaced=interlaced, more=more)).size == LARGEST


@pytest.mark.parametrize(
    "more",
    [
        chunk(b"zTXt", b"a\0\0" + BOMB),
        chunk(b"iTXt", b"a\0\1\0\0\0" + BOMB),
        chunk(b"iCCP", b"a\0\0" + BOMB),
        chunk(b"iCCP", b"no profile"),
        chunk(b"eXIf", b"MM\0*\0\0\0\x08" + b"\xff" * 60_000),
        chunk(b"eXIf", bytes(1_000_000)),
        chunk(b"tEXt", b"\0"),
        chunk(b"gAMA"),
        b"\0\0\0\x04tEXtabcdBAD!",
    ],
    ids=["text", "unicode", "profile", "no profile", "exif", "long exif", "empty", "gama", "crc"],
)
def test_what_stands_beside_a_pngs_pixels_does_no_harm(more):
    assert decoded(png((40, 30), 8, 2, more=more)).size == (40, 30)


@pytest.mark.parametrize("more", [chunk(b"teSt"), chunk(b"IDAT")], ids=["unknown", "pixels"])
def test_a_million_chunks_are_refused_at_once(more):
    refused(png((40, 30), 8, 2, more=more * 1_000_000), UndecodableImage)


@pytest.mark.parametrize("size", [(1, 1), (65_535, 1), (1, 65_535), (7, 3)])
@pytest.mark.parametrize(("format_", "most"), [("PNG", 65_535), ("JPEG", 65_500), ("WEBP", 16_383)])
def test_thin_and_tiny_images_are_read(size, format_, most):
    image = Image.new("RGB", [min(side, most) for side in size], "red")
    assert decoded(encoded(image, format_)).getpixel((0, 0))[0] > 250


@pytest.mark.parametrize("size", [(2**31 - 1, 2**31 - 1), (60_000, 60_000), (10_000, 5_001)])
def test_a_declared_size_is_believed_before_anything_is_decoded(size):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0))
    refused(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", BOMB), ImageTooLarge)


# --- JPEG ---


def with_segments(*segments: bytes) -> bytes:
    data = encoded(portrait(size=(64, 64)))
    return data[:2] + b"".join(segments) + data[2:]


@pytest.mark.parametrize(
    "segments",
    [
        [segment(0xE1, b"Exif\0\0" + bytes(3900))] * 5000,
        [segment(0xED, b"Photoshop 3.0\0" + b"8BIM\0\1\0\0\0\0\0\0" * 5000)] * 300,
        [segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(60_000))] * 300,
        [segment(0xE2, b"MPF\0MM\0*\0\0\0\x08" + b"\xff" * 5000)],
        [segment(0xE1, b"Exif\0\0MM\0*\0\0\0\x08" + b"\xff" * 5000)],
        [segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + b"<" * 60_000)],
        [segment(0xFE, b"comment")] * 10_000,
    ],
    ids=["exif", "photoshop", "profiles", "several pictures", "broken exif", "xmp", "comments"],
)
def test_what_stands_beside_a_jpegs_pixels_does_no_harm(segments):
    assert decoded(with_segments(*segments)).size == (64, 64)


def test_a_million_comments_are_refused_at_once():
    refused(with_segments(segment(0xFE, b"") * 1_000_000), UndecodableImage)


@pytest.mark.parametrize(("size", "scans"), [(LARGEST, 100), ((1000, 1000), 3000)])
def test_a_thousand_empty_scans_are_refused_at_once(size, scans):
    data = encoded(Image.new("RGB", size), progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    assert decoded(data).size[0] > 256
    refused(data[:-2] + scan * scans + data[-2:], ImageTooLarge)


def test_only_the_first_picture_of_several_counts():
    red, blue = Image.new("RGB", (32, 32), "red"), Image.new("RGB", (16, 16), "blue")
    image = decoded(encoded(red, "MPO", save_all=True, append_images=[blue]))
    assert image.size == (32, 32)
    assert image.getpixel((5, 5))[0] > 250


def ycck(colour: tuple[int, int, int, int]) -> bytes:
    """What Photoshop writes: CMYK inverted, or YCCK by its Adobe segment."""
    data = encoded(Image.new("CMYK", (32, 32), colour))
    assert b"Adobe" in data
    return data


def test_cmyk_and_ycck_keep_their_colours():
    inverted = ycck((0, 255, 255, 0))
    assert decoded(inverted).getpixel((5, 5))[0] > 250
    adobe = inverted.index(b"Adobe")
    as_ycck = inverted[: adobe + 11] + b"\2" + inverted[adobe + 12 :]
    assert decoded(as_ycck).mode == "RGB"


def test_leaving_metadata_out_changes_no_pixel():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    for options in ({}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_rows": 1}):
        data = encoded(portrait(), exif=exif, comment=b"x", icc_profile=bytes(200), **options)
        kept = essentials(data).data
        assert len(kept) < len(data) - 200
        before, after = (Image.open(io.BytesIO(each)) for each in (data, kept))
        assert np.array_equal(np.asarray(before), np.asarray(after))
        assert after.getexif()[ExifTags.Base.Orientation] == 6
        assert isinstance(after, JpegImagePlugin.JpegImageFile)


def test_taking_apart_takes_no_time_on_anything():
    started = time.process_time()
    for filling in (b"\xff", b"\xff\0", b"\xff\xda\0\2", b"\xff\xda\0\0", b"\xff\xd0"):
        with pytest.raises(ImageError):
            decode(b"\xff\xd8" + filling * (20_000_000 // len(filling) - 1))
    assert time.process_time() - started < 5 * SECONDS
    assert MAX_PIECES < 10**6


# --- all ---


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("trailing", [b"\0" * 1000, b"PK\3\4" * 1000, encoded(portrait(1))])
def test_trailing_data_does_no_harm(format_, trailing):
    data = encoded(portrait(), format_)
    assert np.array_equal(np.asarray(decoded(data)), np.asarray(decoded(data + trailing)))


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1", b"avif", b"avis"])
def test_phones_formats_are_told_how_to_become_a_jpeg(brand):
    with pytest.raises(UnsupportedFormat, match="JPEG"):
        decode(b"\0\0\0\x18ftyp" + brand + bytes(100))


@pytest.mark.slow
@pytest.mark.parametrize(("format_", "megabytes"), [("PNG", 650), ("JPEG", 450), ("WEBP", 1100)])
def test_the_largest_image_has_a_ceiling_of_memory(format_, megabytes, tmp_path):
    path = tmp_path / "large"
    mode = "RGB" if format_ == "JPEG" else "RGBA"
    Image.new(mode, LARGEST).save(path, format_)
    code = (
        "import re, sys; from deepfake_detection.image import decode;"
        "decode(open(sys.argv[1], 'rb').read());"
        "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 1000 * megabytes
