"""Find faces, and cut them out the same way for training and for judging.

The detector is CenterFace (Xu, Yan, Yang and Sun 2019, "Joint Face Detection and Alignment Using
Face as Point"): a map of a quarter of the image's size marks each face's centre, three more give
its size, the centre's place within its cell, and five landmarks.
"""

import functools
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deepfake_detection.image.card import InputSpec
from deepfake_detection.image.preprocess import to_pixels
from deepfake_detection.inference.session import open_session

MODEL = Path(__file__).with_name("centerface.onnx")
# Of 300 face images of three origins 99 % score above this, and nothing in 26 images without a
# face does.
MIN_SCORE = 0.3
# The image's longer side, in pixels, when it is searched. Large faces are found on the coarse scale
# (of 200 portraits of 1024 pixels the fine one alone misses 23), small ones on the fine scale.
COARSE_SIDE, FINE_SIDE = 256, 640
# What counts as large, as a share of the image's longer side.
LARGE = 0.25
# A face that fills the frame is missed without a border, given as a share of the longer side.
COARSE_BORDER = 0.125
# Smaller faces, by their box's longer side in pixels of the photograph, are not judged. Of 797
# images of the Validation split, shrunk until their faces had so many pixels, v3's AUC is 0.762
# unshrunk, 0.754 at 50, 0.743 at 40, 0.709 at 30, 0.620 at 20 and 0.503 at 10.
MIN_FACE = 40
# The largest of a crowd; bounds the memory and the time that one image may take.
MAX_FACES = 32
_MAX_OVERLAP = 0.3
_STRIDE = 4
_MULTIPLE = 32


@dataclass(frozen=True)
class Face:
    """One face; all lengths are pixels of the image it was found in, which it may overhang.

    Attributes:
        left, top, right, bottom: Its box, from forehead to chin.
        score: The detector's certainty, 0 to 1.
        landmarks: (x, y) of both eyes, the nose and both corners of the mouth.
    """

    left: float
    top: float
    right: float
    bottom: float
    score: float
    landmarks: tuple[tuple[float, float], ...]

    @property
    def size(self) -> float:
        """The longer side of its box."""
        return max(self.right - self.left, self.bottom - self.top)

    def scaled(self, x: float, y: float) -> "Face":
        """The same face in the same image at another size."""
        return replace(
            self,
            left=self.left * x,
            top=self.top * y,
            right=self.right * x,
            bottom=self.bottom * y,
            landmarks=tuple((a * x, b * y) for a, b in self.landmarks),
        )

    def covers_centre_of(self, other: "Face") -> bool:
        """Whether the other's centre lies in its box."""
        x, y = (other.left + other.right) / 2, (other.top + other.bottom) / 2
        return self.left <= x <= self.right and self.top <= y <= self.bottom


class FaceDetector:
    """CenterFace on ONNX Runtime; safe to share between threads."""

    def __init__(self, threads: int = 1) -> None:
        self._session = open_session(MODEL, threads)

    def detect(self, image: Image.Image) -> list[Face]:
        """Find the faces of an RGB image, the largest first.

        Takes some 70 ms on one thread for a large image and 11 ms for a face that fills one of 256
        pixels. Faces below a twentieth of a large image's longer side may be missed.
        """
        longer = max(image.size)
        faces = self._detect_at(image, COARSE_SIDE, COARSE_BORDER)
        if longer > COARSE_SIDE:
            faces = [face for face in faces if face.size >= LARGE * longer]
        # Where nothing was found, a small image is enlarged.
        side = min(longer, FINE_SIDE) if faces else FINE_SIDE
        if side > COARSE_SIDE:
            small = self._detect_at(image, side, 0)
            faces += [f for f in small if not any(large.covers_centre_of(f) for large in faces)]
        return sorted(faces, key=lambda face: -face.size)

    def _detect_at(self, image: Image.Image, side: int, border_share: float) -> list[Face]:
        """Find faces with the image's longer side brought to ``side`` pixels."""
        factor = side / max(image.size)
        inner = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
        border = round(side * border_share)
        width, height = (-(-(n + 2 * border) // _MULTIPLE) * _MULTIPLE for n in inner)
        canvas = Image.new("RGB", (width, height), (128, 128, 128))
        canvas.paste(image.resize(inner, Image.Resampling.BILINEAR), (border, border))
        batch = np.asarray(canvas, np.float32).transpose(2, 0, 1)[np.newaxis]
        heat, scale, offset, marks = (m[0] for m in self._session.run(None, {"input.1": batch}))
        boxes, scores, landmarks = _decode(heat[0], scale, offset, marks)
        # Back from the canvas to the image.
        unit = np.array([image.width / inner[0], image.height / inner[1]])
        boxes = (boxes - border) * np.tile(unit, 2)
        landmarks = (landmarks - border) * unit
        return [_face(boxes[i], scores[i], landmarks[i]) for i in _without_overlaps(boxes, scores)]


_loading = threading.Lock()


def shared_detector() -> FaceDetector:
    """The process's detector, loaded when first asked for."""
    with _loading:
        return _load_detector()


@functools.cache
def _load_detector() -> FaceDetector:
    return FaceDetector()


def face_pixels(
    image: Image.Image, face: Face | None, spec: InputSpec, margin: float
) -> NDArray[np.uint8]:
    """Cut a face out as a network is shown it, in training, evaluation and judging alike.

    Args:
        image: Mode ``RGB``.
        face: In pixels of ``image``; None takes the whole image.
        spec: The network's input.
        margin: Of the network's card; see ``crop_box``.

    Returns:
        uint8 array of shape (height, width, channels), values 0 to 255.
    """
    if face is None:
        return to_pixels(image, spec)
    return to_pixels(image.crop(crop_box(face, image.size, margin)), spec)


def crop_box(face: Face, image_size: tuple[int, int], margin: float) -> tuple[int, int, int, int]:
    """Return (left, top, right, bottom) of the square cut around a face, in whole pixels.

    Its side is ``margin`` times the box's longer side, at most what fits into the image; a square
    that would reach beyond the image is moved inside.
    """
    side = min(max(1, round(face.size * margin)), *image_size)
    centre = (face.left + face.right) / 2, (face.top + face.bottom) / 2
    left, top = (
        min(max(0, round(middle - side / 2)), length - side)
        for middle, length in zip(centre, image_size, strict=True)
    )
    return left, top, left + side, top + side


def _face(box: NDArray[np.float64], score: np.float32, landmarks: NDArray[np.float64]) -> Face:
    left, top, right, bottom = box.tolist()
    return Face(
        left, top, right, bottom, float(score), tuple((x, y) for x, y in landmarks.tolist())
    )


def _decode(
    heat: NDArray[np.float32],
    scale: NDArray[np.float32],
    offset: NDArray[np.float32],
    marks: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Turn the four maps into boxes (n, 4), scores (n,) and landmarks (n, 5, 2) on the canvas."""
    row, column = np.nonzero(heat > MIN_SCORE)
    sizes = np.exp(scale[::-1, row, column].T) * _STRIDE  # (n, 2): width, height
    cells = np.stack([column, row], axis=1) + offset[::-1, row, column].T + 0.5
    corners = cells * _STRIDE - sizes / 2
    boxes = np.concatenate([corners, corners + sizes], axis=1)
    # The maps alternate y and x of each landmark, relative to the box.
    relative = marks[:, row, column].T.reshape(-1, 5, 2)[..., ::-1]
    landmarks = relative * sizes[:, np.newaxis] + corners[:, np.newaxis]
    return boxes, heat[row, column], landmarks


def _without_overlaps(boxes: NDArray[np.float64], scores: NDArray[np.float32]) -> list[int]:
    """Non-maximum suppression: keep the best of the boxes that cover each other."""
    remaining = np.argsort(-scores)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    kept: list[int] = []
    while len(remaining):
        best, remaining = int(remaining[0]), remaining[1:]
        kept.append(best)
        corner = np.maximum(boxes[best, :2], boxes[remaining, :2])
        opposite = np.minimum(boxes[best, 2:], boxes[remaining, 2:])
        shared = np.prod(np.clip(opposite - corner, 0, None), axis=1)
        overlap = shared / (areas[best] + areas[remaining] - shared)
        remaining = remaining[overlap < _MAX_OVERLAP]
    return kept
