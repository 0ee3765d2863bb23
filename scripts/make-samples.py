"""Make the page's sample pictures and their thumbnails, always the same ones.

    .venv/bin/python scripts/make-samples.py [FOLDER]

All but the landscape, which is drawn, come from NASA's portrait of Eileen Collins in tests/data, in
the public domain. No network is asked, so none of the pictures was chosen for its score.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from deepfake_detection.inference.faces import FaceDetector
from deepfake_detection.training.blend import Portrait, cross_blend

ROOT = Path(__file__).parents[1]
PORTRAIT = ROOT / "tests/data/astronaut.jpg"
DESTINATION = ROOT / "webapp-frontend/src/assets/samples"
SIZE = 256
# Of the portrait, head and shoulders: so small the rest would hide what differs.
THUMBNAIL = 144
DETAIL = (38, 0, 188, 150)
ATTEMPTS = 20
# A mirrored face has its left eye and its left corner of the mouth on the right.
MIRRORED = [1, 0, 2, 4, 3]


def mirror_face(photograph: Image.Image) -> Image.Image:
    """Blend the face's mirror image over the face; of some attempts take the most visible."""
    landmarks = np.array(FaceDetector().detect(photograph)[0].landmarks)
    in_mirror = np.array([(photograph.width - 1 - x, y) for x, y in landmarks[MIRRORED]])
    portrait = Portrait(photograph, landmarks)
    mirrored = Portrait(ImageOps.mirror(photograph), in_mirror)
    attempts = [
        cross_blend(portrait, mirrored, np.random.default_rng(seed)) for seed in range(ATTEMPTS)
    ]
    return max(attempts, key=lambda attempt: difference(attempt, photograph))


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of two images' pixels."""
    return float(np.abs(np.asarray(one, np.float32) - np.asarray(other, np.float32)).mean())


def draw_landscape() -> Image.Image:
    """Draw hills before an evening sky, each nearer ridge darker and rougher."""
    rng = np.random.default_rng(0)
    x, height = np.arange(SIZE) / SIZE, np.arange(SIZE)[:, np.newaxis]
    share = (height / SIZE)[..., np.newaxis]
    pixels = np.array([96, 132, 178]) * (1 - share) + np.array([250, 214, 168]) * share
    pixels = np.broadcast_to(pixels, (SIZE, SIZE, 3)).copy()
    for nearness in np.linspace(0.2, 1, 5):
        ridge = SIZE * (0.35 + 0.5 * nearness)
        for octave in range(1, 6):
            swing = SIZE * 0.09 * nearness / octave
            ridge = ridge + swing * np.sin(2 * np.pi * (octave * 1.3 * x + rng.random()))
        pixels[height >= ridge] = (1 - nearness) * np.array([176, 168, 176]) + [28, 52, 44]
    pixels += rng.normal(0, 3, pixels.shape)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def main() -> None:
    """Write the samples into FOLDER, by default where the page takes them from."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DESTINATION
    folder.mkdir(parents=True, exist_ok=True)
    photograph = Image.open(PORTRAIT).convert("RGB")
    samples = {
        "photograph": (photograph, 90),
        "mirrored-face": (mirror_face(photograph), 90),
        "coarse-copy": (photograph, 8),
        "landscape": (draw_landscape(), 85),
    }
    for name, (image, quality) in samples.items():
        path = folder / f"{name}.jpg"
        image.save(path, "JPEG", quality=quality)
        detail = None if name == "landscape" else DETAIL
        size = (THUMBNAIL, THUMBNAIL)
        thumbnail = Image.open(path).resize(size, Image.Resampling.LANCZOS, detail)
        thumbnail.save(folder / f"{name}-small.jpg", "JPEG", quality=75)


if __name__ == "__main__":
    main()
