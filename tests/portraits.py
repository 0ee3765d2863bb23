"""Photographs with as many faces as a test needs, all of them NASA's portrait of Eileen Collins."""

from pathlib import Path

from PIL import Image, ImageEnhance

PORTRAIT = Path(__file__).parent / "data" / "astronaut.jpg"
# Her face's box is 61 pixels high, in the middle of this square of head and shoulders.
FACE = 61
HEAD = (38, 0, 188, 150)


def portrait() -> Image.Image:
    """256x256 pixels."""
    return Image.open(PORTRAIT).convert("RGB")


def scene(
    faces: list[int], *, width: int = 1200, height: int = 900, brightest: int | None = None
) -> Image.Image:
    """Heads in rows on a plain ground.

    Args:
        faces: The size of each face's box, in pixels.
        brightest: The face that is lit up, counted from 0.
    """
    image = Image.new("RGB", (width, height), (90, 100, 110))
    x = y = row = 0
    for number, size in enumerate(faces):
        side = round(size * (HEAD[2] - HEAD[0]) / FACE)
        head = portrait().crop(HEAD).resize((side, side), Image.Resampling.LANCZOS)
        if number == brightest:
            head = ImageEnhance.Brightness(head).enhance(1.5)
        if x + side > width:
            x, y, row = 0, y + row, 0
        image.paste(head, (x, y))
        x, row = x + side, max(row, side)
    return image
