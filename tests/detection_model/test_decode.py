import contextlib

import numpy as np
import pytest
from PIL import ExifTags, Image, PngImagePlugin

from deepfake_detection.image import (
    EmptyImage,
    ImageTooLarge,
    Limits,
    UndecodableImage,
    UnsupportedFormat,
    decode,
    open_image,
)
from deepfake_detection.image.decode import _one_large_image, orientation_of

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


def test_a_transparent_colour_lies_on_white():
    image = Image.new("RGB", (8, 300), (9, 9, 9))
    image.paste((1, 2, 3), (0, 0, 4, 300))
    shown = pixels(encoded(image, "PNG", transparency=(1, 2, 3)))
    assert (shown[:, :4] == 255).all()
    assert (shown[:, 4:] == 9).all()


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


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_no_orientation_is_taken_from_elsewhere(format_):
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", xmp.decode())
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    texts.add_text(
        "Raw profile type exif", f"\nexif\n{len(exif.tobytes())}\n{exif.tobytes().hex()}"
    )
    data = encoded(portrait(size=(200, 120)), format_, xmp=xmp, pnginfo=texts)
    for kept in (0, 1_000_000):
        assert orientation_of(open_image(data, metadata=kept)) == 1
    assert decode(data).pixels.size == (200, 120)


def test_a_pngs_orientation_may_follow_its_pixels():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    data = encoded(portrait(size=(200, 120)), "PNG", exif=exif)
    start = data.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(data[start : start + 4])
    late = data[:start] + data[end:-12] + data[start:end] + data[-12:]
    decoded = decode(late)
    assert decoded.pixels.size == (decoded.width, decoded.height) == (120, 200)


@pytest.mark.parametrize("damaged", [False, True])
def test_a_large_png_is_decoded_once_and_while_no_other_is(monkeypatch, damaged):
    data = encoded(Image.new("L", (4001, 3000)), "PNG")
    held = []
    load = PngImagePlugin.PngImageFile.load_prepare

    def observed(image):
        held.append(_one_large_image.locked())
        load(image)

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load_prepare", observed)
    with pytest.raises(UndecodableImage) if damaged else contextlib.nullcontext():
        decode(data[:-500] if damaged else data, at_least=(256, 256))
    assert held == [True]


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
