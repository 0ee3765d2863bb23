"""Decode a split once; keep it as uint8, in memory where it fits, else in a cache file.

A 256x256 RGB image takes 197 kB: 11,666 of them 2.3 GB, the 140,002 training images of the
reference set 27.5 GB.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import tensorflow as tf
from numpy.typing import NDArray

from deepfake_detection.image.card import InputSpec
from deepfake_detection.image.decode import ImageError
from deepfake_detection.image.preprocess import load_pixels, scale
from deepfake_detection.training.dataset import (
    LABELS,
    DataError,
    LabelledImage,
    SkippedFile,
    fingerprint,
)
from deepfake_detection.training.reporting import progress, report_skipped

# Decoded images may take this share of the memory that is free when decoding starts.
MEMORY_SHARE = 0.5
_CHUNK = 256

Load = Callable[[Path], NDArray[np.uint8]]


@dataclass(frozen=True)
class DecodedSplit:
    """A split's images as pixels.

    Attributes:
        pixels: uint8 of shape (images, height, width, channels), 0 to 255; an array or a
            memory-mapped file.
        images: What is known of each row of ``pixels``.
        skipped: The files left out.
    """

    pixels: NDArray[np.uint8]
    images: list[LabelledImage]
    skipped: list[SkippedFile]

    @property
    def labels(self) -> NDArray[np.float32]:
        """1.0 for fake, 0.0 for real, of shape (images,)."""
        return np.array([image.label for image in self.images], np.float32)


def decode_split(
    images: Sequence[LabelledImage],
    spec: InputSpec,
    *,
    cache: Path,
    description: str = "Decoding",
    memory_bytes: int | None = None,
    load: Load | None = None,
) -> DecodedSplit:
    """Decode and resize every image as serving does, on all processors.

    Args:
        images: As ``read_split`` lists them.
        spec: The network's input.
        cache: Folder for the cache file, used only when the pixels do not fit in memory; another
            one for another ``load``.
        description: Stands before the progress bar.
        memory_bytes: Ceiling for pixels in memory; by default half of what is free.
        load: Decodes one image and cuts what the network is shown; by default all of it.

    Raises:
        DataError: If no image of a class can be decoded, or the disk is too small for the cache.
    """
    shape = (len(images), spec.height, spec.width, spec.channels)
    if memory_bytes is None:
        memory_bytes = int(psutil.virtual_memory().available * MEMORY_SHARE)
    if load is None:

        def load(path: Path) -> NDArray[np.uint8]:
            return load_pixels(path, spec)[0]

    if int(np.prod(shape)) <= memory_bytes:
        pixels = np.empty(shape, np.uint8)
        kept, skipped = _decode_into(pixels, images, load, description)
    else:
        pixels, kept, skipped = _decode_to_file(images, shape, spec, load, cache, description)
    decoded = DecodedSplit(pixels[: len(kept)], [images[i] for i in kept], skipped)
    report_skipped(skipped)
    _require_both_classes(decoded)
    return decoded


def batches(
    split: DecodedSplit,
    spec: InputSpec,
    batch_size: int,
    *,
    shuffle_seed: int | None = None,
    whole_only: bool = False,
) -> tf.data.Dataset:
    """Return (images, labels) batches: float32 in the network's value range, and 0.0 or 1.0.

    With a seed, every epoch is a new shuffle of the whole split. ``whole_only`` leaves out the last
    batch if it is short.
    """
    labels = split.labels
    rows = tf.data.Dataset.range(len(labels))
    if shuffle_seed is not None:
        rows = rows.shuffle(len(labels), seed=shuffle_seed, reshuffle_each_iteration=True)

    def gather(indices: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return scale(split.pixels[indices], spec), labels[indices]

    def load(indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x, y = tf.numpy_function(gather, [indices], (tf.float32, tf.float32), stateful=False)
        x.set_shape((None, spec.height, spec.width, spec.channels))
        y.set_shape((None,))
        return x, y

    return (
        rows.batch(batch_size, drop_remainder=whole_only)
        .map(load, num_parallel_calls=2, deterministic=True)
        .prefetch(tf.data.AUTOTUNE)
    )


def _decode_into(
    pixels: NDArray[np.uint8],
    images: Sequence[LabelledImage],
    load: Load,
    description: str,
) -> tuple[list[int], list[SkippedFile]]:
    """Fill ``pixels`` from the front with what decodes; return the rows kept and the rest."""
    kept: list[int] = []
    skipped: list[SkippedFile] = []
    results = _decode_all(images, load)
    for row, result in enumerate(progress(results, description, len(images))):
        if isinstance(result, SkippedFile):
            skipped.append(result)
        else:
            pixels[len(kept)] = result
            kept.append(row)
    return kept, skipped


def _decode_all(
    images: Sequence[LabelledImage], load: Load
) -> Iterator[NDArray[np.uint8] | SkippedFile]:
    """Decode in order, a chunk at a time so that results do not pile up."""

    def attempt(image: LabelledImage) -> NDArray[np.uint8] | SkippedFile:
        try:
            return load(image.path)
        except (ImageError, OSError) as error:
            return SkippedFile(image.path, str(error))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(images), _CHUNK):
            yield from pool.map(attempt, images[start : start + _CHUNK])


def _decode_to_file(
    images: Sequence[LabelledImage],
    shape: tuple[int, ...],
    spec: InputSpec,
    load: Load,
    cache: Path,
    description: str,
) -> tuple[NDArray[np.uint8], list[int], list[SkippedFile]]:
    """As ``_decode_into``, in a file that the next run finds again."""
    cache.mkdir(parents=True, exist_ok=True)
    resized = hashlib.sha256(spec.model_dump_json().encode()).hexdigest()[:8]
    path = cache / f"{fingerprint(images)}-{resized}.uint8"
    index = path.with_suffix(".json")
    if index.is_file():
        found = json.loads(index.read_text(encoding="utf-8"))
        skipped = [SkippedFile(Path(file), reason) for file, reason in found["skipped"]]
        return np.memmap(path, np.uint8, "r", shape=shape), found["kept"], skipped
    _reserve(path, int(np.prod(shape)))
    pixels = np.memmap(path, np.uint8, "r+", shape=shape)
    kept, skipped = _decode_into(pixels, images, load, description)
    pixels.flush()
    # The index comes last: without it the file counts as unfinished and is made again.
    partial = index.with_suffix(".partial")
    entries = {"kept": kept, "skipped": [(str(s.path), s.reason) for s in skipped]}
    partial.write_text(json.dumps(entries), encoding="utf-8")
    partial.replace(index)
    return pixels, kept, skipped


def _reserve(path: Path, size: int) -> None:
    """Claim the disk space now: a full disk under a memory map would kill the process."""
    try:
        with path.open("wb") as file:
            if hasattr(os, "posix_fallocate"):  # macOS has none
                os.posix_fallocate(file.fileno(), 0, size)
            file.truncate(size)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise DataError(
            f"No room for {size / 1e9:.1f} GB of decoded images in {path.parent}: "
            f"{error.strerror}. Free some space or name another folder with --cache."
        ) from error


def _require_both_classes(split: DecodedSplit) -> None:
    counts = Counter(image.label for image in split.images)
    for class_name, label in LABELS.items():
        if counts[label] == 0:
            folder = next((s.path.parent for s in split.skipped if class_name in s.path.parts), "")
            raise DataError(f"None of the {class_name} images can be decoded. Look into {folder}.")
