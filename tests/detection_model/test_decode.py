import numpy as np
import pytest
from PIL import ExifTags, Image

from deepfake_detection.image import (
    EmptyImage,
    ImageTooLarge,
    Limits,
    UndecodableImage,
    UnsupportedFormat,
    decode,
)

from .images import encoded, portrait


def pixels(data: bytes, **options) -> np.ndarray:
    return np.asarray(decode(data, **options).pixels).astype(int)


def rgb_reference() -> np.ndarray:
    return np.asarray(portrait()).astype(int)


@pytest.mark.parametrize(
    ("mode", "tolerance"), [("RGB", 0), ("RGBA", 0), ("P", 40), ("L", 0), ("LA", 0), ("1", 0)]
)
def test_every_png_mode_becomes_the_rgb_image_it_shows(mode, tolerance):
    image = portrait().convert(mode)
    expected = np.asarray(image.convert("RGB")).astype(int)
    decoded = decode(encoded(image, "PNG"))
    assert decoded.pixels.mode == "RGB"
    assert np.abs(np.asarray(decoded.pixels).astype(int) - expected).max() <= tolerance


@pytest.mark.parametrize("format_", ["JPEG", "WEBP"])
def test_lossy_formats_show_the_same_picture(format_):
    assert np.abs(pixels(encoded(portrait(), format_, quality=95)) - rgb_reference()).mean() < 4


def test_cmyk_jpeg_keeps_its_colours():
    red = Image.new("CMYK", (32, 32), (0, 255, 255, 0))
    assert np.abs(pixels(encoded(red)) - (255, 0, 0)).max() <= 6


def test_sixteen_bit_grey_is_scaled_not_clipped():
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    shown = pixels(encoded(Image.fromarray(ramp), "PNG"))
    assert np.abs(shown[..., 0] - np.linspace(0, 255, 64 * 64).reshape(64, 64)).max() <= 1


def test_transparency_lies_on_white():
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert (pixels(encoded(clear, "PNG")) == 255).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation):
    upright = portrait(size=(200, 120))
    back = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = upright if back is None else upright.transpose(back)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    decoded = decode(encoded(stored, "PNG", exif=exif))
    assert (decoded.width, decoded.height) == upright.size
    assert np.array_equal(np.asarray(decoded.pixels), np.asarray(upright))


def test_broken_exif_is_no_reason_to_refuse():
    data = encoded(portrait(), exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\xff\xff\xff\xff")
    assert decode(data).pixels.size == (256, 256)


def test_only_the_first_frame_of_an_animation_counts():
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    assert np.abs(pixels(data) - (255, 0, 0)).max() <= 2


def test_large_jpegs_are_decoded_smaller_but_never_below_what_is_needed():
    data = encoded(portrait(size=(2400, 1600)), quality=90)
    decoded = decode(data, at_least=(256, 256))
    assert (decoded.width, decoded.height) == (2400, 1600)
    assert decoded.pixels.width < 2400
    assert min(decoded.pixels.size) >= 256


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", EmptyImage),
        (b"%PDF-1.7 not an image", UnsupportedFormat),
        (b"hello", UnsupportedFormat),
        (b"GIF89a" + bytes(50), UnsupportedFormat),
        (b"\0\0\0\x18ftypheic" + bytes(50), UnsupportedFormat),
        (b"\0\0\0\x18ftypavif" + bytes(50), UnsupportedFormat),
        (b"\xff\xd8\xff" + bytes(50), UndecodableImage),
        (b"\x89PNG\r\n\x1a\n", UndecodableImage),
        (encoded(portrait())[:3000], UndecodableImage),
        (encoded(portrait(), "PNG")[:3000], UndecodableImage),
        (encoded(portrait(), "WEBP")[:1000], UndecodableImage),
    ],
)
def test_what_is_no_image_is_refused_by_kind(data, error):
    with pytest.raises(error):
        decode(data)


def test_a_gif_renamed_to_jpg_is_still_no_jpeg(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(portrait(), "GIF"))
    with pytest.raises(UnsupportedFormat, match="JPEG, PNG and WebP"):
        decode(path)


def test_heic_is_told_how_to_become_a_jpeg():
    with pytest.raises(UnsupportedFormat, match="Most Compatible"):
        decode(b"\0\0\0\x18ftypheic" + bytes(50))


def test_the_ceiling_on_bytes_names_both_sizes():
    with pytest.raises(ImageTooLarge, match=r"0\.0 MB.*limit is 0\.001 MB"):
        decode(encoded(portrait()), limits=Limits(max_bytes=1000))


def test_the_ceiling_on_pixels_holds_before_decoding():
    # A PNG whose header declares 30,000 x 30,000 pixels and which holds none.
    header = bytearray(encoded(Image.new("L", (1, 1)), "PNG"))
    header[16:24] = (30_000).to_bytes(4, "big") * 2
    import zlib

    header[29:33] = zlib.crc32(header[12:29]).to_bytes(4, "big")
    with pytest.raises(ImageTooLarge, match="pixels"):
        decode(bytes(header))


def test_trailing_bytes_do_no_harm():
    data = encoded(portrait())
    assert np.array_equal(pixels(data + b"trailing" * 100), pixels(data))
