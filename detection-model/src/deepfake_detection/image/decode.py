"""Safe decoding: one RGB image out of bytes nobody vouches for.

Training, ``deepfake predict`` and the server all decode here, so that a network is asked about
the same pixels it learned from.
"""

import contextlib
import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image, UnidentifiedImageError

from deepfake_detection.errors import UserError
from deepfake_detection.image.essentials import MAX_EXIF, TooManyPieces, essentials

FORMATS = ("JPEG", "PNG", "WEBP")
# Of a JPEG's pixels times its scans. One of 50 megapixels may have 20 scans, twice the usual; a
# file of 20 kB with a thousand empty ones would take half a minute.
MAX_SCANNED = 1_000_000_000
# A larger image takes 100 to 850 MB while it is decoded, so only one of them is at a time.
LARGE = 12_000_000

_DAMAGED = "The image is damaged or incomplete. Export it again, or send the original file."
_STRIP_ROWS = 256
# EXIF orientation: what turns the stored image upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)
_one_large_image = threading.Lock()

# What a file of ours begins with, to tell "damaged" from "another format".
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF")
# ISO base media brands that phones write.
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis")


class ImageError(UserError):
    """An image that cannot be judged; the message tells its owner what to do."""


class EmptyImage(ImageError):
    """The file holds no bytes."""


class ImageTooLarge(ImageError):
    """The file has more bytes or more pixels than the limits allow."""


class UnsupportedFormat(ImageError):
    """The file is neither JPEG, PNG nor WebP."""


class UndecodableImage(ImageError):
    """The file claims a known format but is damaged or truncated."""


@dataclass(frozen=True)
class Limits:
    """What an image may cost before it is refused.

    Attributes:
        max_bytes: Size of the encoded file, in bytes.
        max_pixels: Width times height as declared in the header, checked before decoding.
    """

    max_bytes: int = 20_000_000
    max_pixels: int = 50_000_000


@dataclass(frozen=True)
class DecodedImage:
    """An upright RGB image.

    Attributes:
        pixels: Mode ``RGB``, EXIF orientation applied. May be a reduced rendition, never smaller
            than was asked for.
        width: Width of the full upright image, in pixels.
        height: Height of the full upright image, in pixels.
    """

    pixels: Image.Image
    width: int
    height: int


def decode(
    source: bytes | Path,
    *,
    at_least: tuple[int, int] | None = None,
    limits: Limits = Limits(),
) -> DecodedImage:
    """Decode the first frame of a JPEG, PNG or WebP file to upright RGB.

    Args:
        source: The encoded file, or its path.
        at_least: (width, height) the caller goes on to resize to. A much larger JPEG is then
            decoded at 1/2, 1/4 or 1/8 of its size, which leaves out most of the work.
        limits: Ceilings on bytes and pixels.

    Raises:
        EmptyImage, ImageTooLarge, UnsupportedFormat, UndecodableImage: By what is wrong.
        OSError: If a path cannot be read.
    """
    image = open_image(_read(source, limits) if isinstance(source, Path) else source, limits)
    width, height = image.size
    with _one_large_image if width * height > LARGE else contextlib.nullcontext():
        if at_least is not None:
            _reduce(image, at_least)
        load(image)
        # Not before, because a PNG's EXIF may follow its pixels.
        orientation = orientation_of(image)
        if orientation in _SIDEWAYS:
            width, height = height, width
        with _damage_told():
            rgb = to_rgb(image)
            # Before there is a third copy of it.
            del image
            return DecodedImage(upright(rgb, orientation), width, height)


def _reduce(image: Image.Image, at_least: tuple[int, int]) -> None:
    """Have an opened JPEG decoded at no more than twice the upright size that is needed.

    Twice the target keeps the final resize an honest low-pass filter.
    """
    wide, high = at_least[::-1] if orientation_of(image) in _SIDEWAYS else at_least
    # A mode of None leaves the colours alone.
    image.draft(None, (2 * wide, 2 * high))


def open_image(data: bytes, limits: Limits = Limits(), *, metadata: int = 0) -> Image.Image:
    """Read an image's header, decoding nothing yet.

    Args:
        data: The encoded file.
        limits: Ceilings on bytes and pixels.
        metadata: As in ``essentials``; what is not kept cannot be read from the image.

    Raises:
        EmptyImage, ImageTooLarge, UnsupportedFormat, UndecodableImage: By what is wrong.
    """
    _check_bytes(len(data), limits)
    try:
        kept = essentials(data, metadata=metadata)
    except TooManyPieces as error:
        raise UndecodableImage(
            "The file is cut into far more pieces than an image needs. Export it again."
        ) from error
    try:
        image = _open(kept.data)
    except UnidentifiedImageError as error:
        raise _unidentified(data) from error
    _check_pixels(image, limits)
    if kept.scans * image.width * image.height > MAX_SCANNED:
        raise ImageTooLarge(
            f"The image is stored in {kept.scans} layers, too many to decode at this size. "
            "Export it again."
        )
    return image


def load(image: Image.Image) -> None:
    """Decode an opened image in place, to the mode it is stored in.

    Raises:
        UndecodableImage: If it is damaged or truncated.
    """
    with _damage_told():
        image.load()


@contextlib.contextmanager
def _damage_told() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        raise UndecodableImage(_DAMAGED) from error


def _read(path: Path, limits: Limits) -> bytes:
    _check_bytes(path.stat().st_size, limits)
    return path.read_bytes()


def _check_bytes(size: int, limits: Limits) -> None:
    if size == 0:
        raise EmptyImage("The file is empty (0 bytes). Choose the image again.")
    if size > limits.max_bytes:
        raise ImageTooLarge(
            f"The file has {size / 1e6:.1f} MB; the limit is {limits.max_bytes / 1e6:g} MB. "
            "Save a smaller copy."
        )


def _open(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageTooLarge(
            "The image declares far more pixels than can be decoded. Save a smaller copy."
        ) from error
    except UnidentifiedImageError:
        raise
    except Exception as error:  # as in _damage_told
        raise UndecodableImage(
            "The image's header is damaged. Export it again, or send the original file."
        ) from error


def _unidentified(data: bytes) -> ImageError:
    if data.startswith(_SIGNATURES):
        return UndecodableImage(_DAMAGED)
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        return UnsupportedFormat(
            "HEIC and AVIF images cannot be read. Share the photograph as JPEG: on iPhone choose "
            "Settings, Camera, Formats, Most Compatible, or export a JPEG copy."
        )
    return UnsupportedFormat("Only JPEG, PNG and WebP images can be read. Export it as JPEG.")


def _check_pixels(image: Image.Image, limits: Limits) -> None:
    pixels = image.width * image.height
    if pixels > limits.max_pixels:
        raise ImageTooLarge(
            f"The image has {pixels / 1e6:.1f} megapixels; the limit is "
            f"{limits.max_pixels / 1e6:g}. Save a smaller copy."
        )


def orientation_of(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 where it is absent or unreadable.

    Decodes nothing. ``Image.getexif`` would, and would believe XMP and texts too, which only some
    readers of a file leave in it.
    """
    exif = Image.Exif()
    try:
        # Of several blocks the first counts.
        exif.load(image.info.get("exif", b"")[:MAX_EXIF])
        orientation = int(exif.get(ExifTags.Base.Orientation, 1))
    except Exception:  # a broken EXIF block does not make the pixels worthless
        return 1
    return orientation if orientation in _TURNS else 1


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Turn an image as it is stored by its EXIF orientation."""
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def to_rgb(image: Image.Image) -> Image.Image:
    """Any mode as RGB: 16-bit scaled to 8, transparency laid on white.

    In strips, because some modes take several steps of four bytes a pixel each.
    """
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    rgb = Image.new("RGB", image.size)
    for top in range(0, image.height, _STRIP_ROWS):
        strip = image.crop((0, top, image.width, min(top + _STRIP_ROWS, image.height)))
        rgb.paste(_strip_to_rgb(strip), (0, top))
    return rgb


def _strip_to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        # convert("L") clips at 255 instead of scaling.
        return image.convert("I").point(lambda value: value / 257).convert("L").convert("RGB")
    if image.has_transparency_data:
        opaque = Image.new("RGBA", image.size, "white")
        opaque.alpha_composite(image.convert("RGBA"))
        return opaque.convert("RGB")
    return image.convert("RGB")
