"""What a network says of one portrait, altered in ways that make it a fake and in ways that do not.

    python detection-model/benchmarks/examples.py tests/data/astronaut.jpg

draws a sheet of them, each with its verdict, and prints the same as a table. One face shows what
kinds of mistakes there are, not how frequent they are.
"""

import argparse
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from deepfake_detection.inference import Judgement, Network, default_cache, judge, load_network
from deepfake_detection.inference.faces import shared_detector
from deepfake_detection.training.blend import Portrait, cross_blend, self_blend
from deepfake_detection.training.robustness import jpeg, resized

TILE, CAPTION, COLUMNS = 220, 60, 6


@dataclass(frozen=True)
class Example:
    """A name, what was done, and whether that makes a fake of a photograph."""

    name: str
    alter: Callable[[Portrait], Image.Image]
    is_fake: bool


def photograph(name: str, alter: Callable[[Image.Image], Image.Image]) -> Example:
    """An alteration after which the face is still the photographed one."""
    return Example(name, lambda portrait: alter(portrait.image), is_fake=False)


def self_blended(seed: int) -> Example:
    """A face blended into a changed copy of itself."""
    rng = np.random.default_rng(seed)
    return Example(f"self-blend {seed}", lambda p: self_blend(p, rng), is_fake=True)


def mirrored_face(portrait: Portrait) -> Image.Image:
    """The face replaced by its own mirror image."""
    width = portrait.image.width
    left, right, nose, mouth_left, mouth_right = portrait.landmarks * (-1, 1) + (width - 1, 0)
    landmarks = np.array([right, left, nose, mouth_right, mouth_left])
    donor = Portrait(ImageOps.mirror(portrait.image), landmarks)
    return cross_blend(portrait, donor, np.random.default_rng(1))


def repainted_eyes(portrait: Portrait) -> Image.Image:
    """Both eyes enlarged by 40 %, as a filter does."""
    image = portrait.image.copy()
    reach = round(np.linalg.norm(portrait.landmarks[1] - portrait.landmarks[0]) * 0.35)
    for x, y in portrait.landmarks[:2].round().astype(int).tolist():
        eye = portrait.image.crop((x - reach, y - reach, x + reach, y + reach))
        size = round(reach * 2.8)
        mask = Image.new("L", (size, size), 0)
        edge = size // 6
        ImageDraw.Draw(mask).ellipse((edge, edge, size - edge, size - edge), fill=255)
        mask = mask.filter(ImageFilter.GaussianBlur(edge / 2))
        image.paste(eye.resize((size, size)), (x - size // 2, y - size // 2), mask)
    return image


def turned(portrait: Portrait) -> Image.Image:
    """The photograph turned around its face."""
    x, y = portrait.landmarks.mean(axis=0).tolist()
    return portrait.image.rotate(20, Image.Resampling.BICUBIC, center=(x, y))


def dark_glasses(portrait: Portrait) -> Image.Image:
    """Two dark discs before the eyes."""
    image = portrait.image.copy()
    reach = np.linalg.norm(portrait.landmarks[1] - portrait.landmarks[0]) * 0.4
    for x, y in portrait.landmarks[:2].tolist():
        ImageDraw.Draw(image).ellipse(
            (x - reach, y - reach, x + reach, y + reach), fill=(20, 20, 25)
        )
    return image


EXAMPLES = (
    photograph("the photograph", lambda image: image),
    photograph("JPEG quality 20", jpeg(20)),
    photograph("two thirds of its size", resized(2 / 3)),
    photograph("three times its size", resized(3)),
    photograph("grey", lambda image: image.convert("L").convert("RGB")),
    Example("turned by 20 degrees", turned, is_fake=False),
    photograph("sharpened", lambda image: ImageEnhance.Sharpness(image).enhance(4)),
    photograph("smoothed", lambda image: image.filter(ImageFilter.MedianFilter(5))),
    photograph("eight colours a channel", lambda image: ImageOps.posterize(image, 3)),
    photograph("over-exposed", lambda image: ImageEnhance.Brightness(image).enhance(1.8)),
    photograph("negative", ImageOps.invert),
    Example("dark glasses drawn on", dark_glasses, is_fake=False),
    *(self_blended(seed) for seed in range(1, 5)),
    Example("mirrored face", mirrored_face, is_fake=True),
    Example("larger eyes", repainted_eyes, is_fake=True),
)


def sheet(images: list[Image.Image], captions: list[str]) -> Image.Image:
    """Lay images out in rows, each above its caption."""
    rows = -(-len(images) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * TILE, rows * (TILE + CAPTION)), "white")
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(15)
    for position, (image, caption) in enumerate(zip(images, captions, strict=True)):
        row, column = divmod(position, COLUMNS)
        corner = column * TILE + 5, row * (TILE + CAPTION) + 5
        page.paste(ImageOps.fit(image, (TILE - 10, TILE - 10)), corner)
        draw.text((corner[0], corner[1] + TILE - 8), caption, "black", font)
    return page


def head(image: Image.Image, portrait: Portrait) -> Image.Image:
    """The part of an altered image where the portrait has its head."""
    x, y = portrait.landmarks.mean(axis=0)
    reach = 2.3 * np.linalg.norm(portrait.landmarks[1] - portrait.landmarks[0])
    box = (x - reach, y - reach, x + reach, y + reach)
    return image.resize(portrait.image.size).crop(tuple(map(round, box)))


def judge_image(network: Network, image: Image.Image) -> Judgement:
    """Judge an image as an upload would be."""
    file = io.BytesIO()
    image.save(file, "PNG")
    (judgement,) = judge(network, [file.getvalue()])
    if not isinstance(judgement, Judgement):
        raise judgement
    return judgement


def answer(judgement: Judgement) -> str:
    """The verdict in a few words."""
    return f"{judgement.verdict}, {judgement.fake_probability:.0%}"


def main() -> None:
    """Judge every example; write the sheet and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("portrait", type=Path)
    parser.add_argument(
        "--model", type=Path, default=Path("webapp-backend/workspace/model/v4.keras")
    )
    parser.add_argument("--output", type=Path, default=Path("docs/v4-examples.jpg"))
    args = parser.parse_args()
    image = Image.open(args.portrait).convert("RGB")
    (face,) = shared_detector().detect(image)
    portrait = Portrait(image, np.array(face.landmarks))
    network = load_network(args.model, default_cache())
    images, captions = [], []
    print("| | is | answer |\n|---|---|---|")
    for example in EXAMPLES:
        altered = example.alter(portrait)
        judgement = judge_image(network, altered)
        truth = "fake" if example.is_fake else "real"
        print(f"| {example.name} | {truth} | {answer(judgement)} |")
        images.append(head(altered, portrait))
        captions.append(f"{example.name} ({truth})\n{answer(judgement)}")
    sheet(images, captions).save(args.output, quality=85)


if __name__ == "__main__":
    main()
