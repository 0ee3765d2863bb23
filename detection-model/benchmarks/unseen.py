"""What networks make of alterations that none of them was trained on.

    python detection-model/benchmarks/unseen.py DATA PHOTOGRAPHS --output docs/unseen.json

alters photographs of another origin than DATA's in four ways, each fitted by five landmarks, and
measures the AUC of the altered against the photographs as they are:

    swap             another person's face, pasted in the gradient domain (Perez et al. 2003)
    generated face   the same with a generated face out of DATA
    mouth            another person's mouth and chin alone, as reenactment changes them
    reshaped         no paste at all: eyes larger and face narrower by a smooth warp, as filters do

Training blends with soft masks and never in the gradient domain, and never warps without a seam.
These are stand-ins: real tools hide their traces better, or leave others. Some ten minutes.
"""

import argparse
import io
import json
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage, sparse
from sklearn.metrics import roc_auc_score

from deepfake_detection.image.decode import decode
from deepfake_detection.inference import (
    BATCH,
    Judgement,
    Network,
    default_cache,
    judge,
    load_network,
)
from deepfake_detection.inference.faces import shared_detector
from deepfake_detection.training.blend import OUTLINES, Portrait, affine, on_face
from deepfake_detection.training.dataset import read_photographs, read_split

MODELS = Path("webapp-backend/workspace/model")
Alter = Callable[[Portrait, Portrait, np.random.Generator], Image.Image]


def outline_mask(portrait: Portrait, outline: str) -> NDArray[np.bool_]:
    """Fill an outline around the face; the image's border stays free."""
    corners = on_face(np.array(OUTLINES[outline]), portrait)
    image = Image.new("1", portrait.image.size)
    ImageDraw.Draw(image).polygon([(x, y) for x, y in corners.tolist()], fill=1)
    mask = np.array(image)
    mask[[0, -1]] = mask[:, [0, -1]] = False
    return mask


def paste_gradients(
    face: NDArray[np.float64], target: NDArray[np.float64], mask: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Solve Poisson's equation: the face's gradients inside the mask, the target at its edge."""
    inside = np.flatnonzero(mask)
    width, count = mask.shape[1], len(inside)
    number = np.full(mask.size, -1)
    number[inside] = np.arange(count)
    flat_face, flat_target = face.reshape(-1, 3), target.reshape(-1, 3)
    right = 4 * flat_face[inside]
    rows, columns = [np.arange(count)], [np.arange(count)]
    for step in (-1, 1, -width, width):
        neighbours = inside + step
        right -= flat_face[neighbours]
        unknown = number[neighbours] >= 0
        rows.append(np.flatnonzero(unknown))
        columns.append(number[neighbours[unknown]])
        right[~unknown] += flat_target[neighbours[~unknown]]
    values = np.concatenate([np.full(count, 4.0), *(np.full(len(r), -1.0) for r in rows[1:])])
    system = sparse.csc_matrix((values, (np.concatenate(rows), np.concatenate(columns))))
    pasted = target.copy().reshape(-1, 3)
    pasted[inside] = sparse.linalg.splu(system).solve(right)
    return pasted.reshape(target.shape)


def pasted(outline: str) -> Alter:
    """Paste what lies within the donor's outline over the portrait's."""

    def alter(portrait: Portrait, donor: Portrait, _: np.random.Generator) -> Image.Image:
        matrix = affine(portrait.landmarks, donor.landmarks)
        how = (portrait.image.size, Image.Transform.AFFINE, tuple(matrix.ravel()))
        face = donor.image.transform(*how, Image.Resampling.BICUBIC)
        known = Image.new("1", donor.image.size, 1).transform(*how)
        mask = outline_mask(portrait, outline) & ndimage.binary_erosion(np.array(known))
        mixed = paste_gradients(np.array(face, float), np.array(portrait.image, float), mask)
        return Image.fromarray(np.clip(mixed + 0.5, 0, 255).astype(np.uint8))

    return alter


def reshaped(portrait: Portrait, _: Portrait, rng: np.random.Generator) -> Image.Image:
    """Enlarge both eyes and narrow the cheeks, by 10 to 30 %, smoothly."""
    pixels = np.array(portrait.image, float)
    y, x = np.mgrid[: pixels.shape[0], : pixels.shape[1]].astype(float)
    eyes = np.linalg.norm(portrait.landmarks[1] - portrait.landmarks[0])
    from_x, from_y = x.copy(), y.copy()
    strength = rng.uniform(0.1, 0.3)
    for centre, factor, reach in (
        (portrait.landmarks[0], strength, 0.4),
        (portrait.landmarks[1], strength, 0.4),
        (portrait.landmarks[3:].mean(axis=0), -strength, 1.1),
    ):
        near = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * (reach * eyes) ** 2))
        from_x -= factor * near * (x - centre[0])
        if factor > 0:
            from_y -= factor * near * (y - centre[1])
    channels = [
        ndimage.map_coordinates(pixels[..., c], (from_y, from_x), order=3, mode="nearest")
        for c in range(3)
    ]
    return Image.fromarray(np.clip(np.stack(channels, axis=2) + 0.5, 0, 255).astype(np.uint8))


def portraits(paths: list[Path]) -> list[Portrait]:
    """Decode images and find their faces; those without one are left out."""
    found = []
    for path in paths:
        image = decode(path).pixels
        if faces := shared_detector().detect(image):
            found.append(Portrait(image, np.array(faces[0].landmarks)))
    return found


def encoded(image: Image.Image) -> bytes:
    """Return the image as the photographs are stored, and as both classes are compared."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


def make_fakes(photographs: list[Portrait], generated: list[Portrait]) -> dict[str, list[bytes]]:
    """Alter each photograph in each way, with somebody else for its donor."""
    others = [*photographs[1:], photographs[0]]
    ways: dict[str, tuple[Alter, list[Portrait]]] = {
        "swap": (pasted("face"), others),
        "generated face": (pasted("face"), generated),
        "mouth": (pasted("lower face"), others),
        "reshaped": (reshaped, others),
    }
    fakes = {}
    for name, (alter, donors) in ways.items():
        rng = np.random.default_rng(0)
        pairs = zip(photographs, cycle(donors), strict=False)
        fakes[name] = [encoded(alter(photograph, donor, rng)) for photograph, donor in pairs]
    return fakes


def judged(network: Network, images: list[bytes]) -> list[Judgement]:
    """Judge images as the page does."""
    batches = (images[start : start + BATCH] for start in range(0, len(images), BATCH))
    return [judgement for batch in batches for judgement in judge(network, batch)]


def measure(
    network: Network, reals: list[bytes], fakes: dict[str, list[bytes]]
) -> dict[str, float]:
    """Return the AUC of each kind of fake, and the share of photographs called fake."""
    of_reals = judged(network, reals)
    row = {}
    for name, images in fakes.items():
        both = [*of_reals, *judged(network, images)]
        labels = [0] * len(reals) + [1] * len(images)
        row[name] = roc_auc_score(labels, [judgement.fake_probability for judgement in both])
    row["mean"] = float(np.mean(list(row.values())))
    row["photographs called fake"] = np.mean([one.verdict == "fake" for one in of_reals])
    return {name: round(float(value), 3) for name, value in row.items()}


def main() -> None:
    """Alter the photographs, score all, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--split", choices=["Validation", "Test"], default="Test")
    parser.add_argument("--networks", nargs="+", type=Path, default=sorted(MODELS.glob("*.keras")))
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    photographs = portraits([i.path for i in read_photographs(args.photographs, args.split)])
    labelled = read_split(args.data, args.split)
    generated = portraits([i.path for i in labelled if i.label and i.source.startswith("140k")])
    fakes = make_fakes(photographs, generated)
    reals = [encoded(portrait.image) for portrait in photographs]
    rows = {}
    for file in args.networks:
        rows[file.stem] = measure(load_network(file, default_cache()), reals, fakes)
        print(file, len(reals), rows[file.stem], flush=True)
    if args.output:
        args.output.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
