"""What a run is fed: batches for training, batches for validation, and what is in them."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from deepfake_detection.image.decode import decode
from deepfake_detection.inference.faces import face_pixels
from deepfake_detection.training.dataset import LabelledImage, read_photographs, read_split
from deepfake_detection.training.face_crops import LocatedImage, locate_faces
from deepfake_detection.training.pairs import Ingredients, PairSampler, pair_batches
from deepfake_detection.training.pixels import DecodedSplit, batches, decode_split
from deepfake_detection.training.runs import Options

# Side of the square around a face, as the card of every network trained on pairs says.
MARGIN = 1.3


@dataclass(frozen=True)
class Feed:
    """A run's batches of (images, labels).

    Attributes:
        training: From the first epoch that is left on.
        validation: The Validation split, in order.
        steps: Of an epoch; None where ``training`` is one epoch and is read anew for each.
        training_images, validation_images: What is in them.
    """

    training: tf.data.Dataset
    validation: tf.data.Dataset
    steps: int | None
    training_images: list[LabelledImage]
    validation_images: list[LabelledImage]


def make_feed(options: Options, epochs_done: int) -> Feed:
    """Read the splits and prepare what is left of the run."""
    make = _split_feed if options.recipe.pair_epoch is None else _pair_feed
    return make(options, epochs_done)


def _split_feed(options: Options, epochs_done: int) -> Feed:
    """Every training image once an epoch, as it is."""
    training, validation = _decoded(options, "Train"), _decoded(options, "Validation")
    # A device that gets no image of the last batch fails, so several share whole batches only.
    feed = partial(
        batches,
        spec=options.recipe.input,
        batch_size=options.batch_size,
        whole_only=options.distribute,
    )
    return Feed(
        # A resumed run draws from another seed, or it would repeat the first epochs' orders.
        training=feed(training, shuffle_seed=options.seed + epochs_done),
        validation=feed(validation),
        steps=None,
        training_images=training.images,
        validation_images=validation.images,
    )


def _decoded(options: Options, split: str) -> DecodedSplit:
    return decode_split(
        [image for image in read_split(options.data, split) if options.keeps(image)],
        options.recipe.input,
        cache=options.output / "cache",
        description=f"Decoding {split}",
    )


def _pair_feed(options: Options, epochs_done: int) -> Feed:
    """Pairs of photographs and fakes, drawn and varied anew at each step."""
    spec = options.recipe.input
    sampler = pair_sampler(options)
    validation = _located(options, "Validation")
    # Few photographs make shorter epochs.
    images = min(options.recipe.pair_epoch or 0, 2 * sampler.photographs)
    steps = max(1, images // options.batch_size)
    left = range(epochs_done * steps, options.epochs * steps)
    stages = zip(options.stage_starts, options.recipe.stages, strict=True)
    mixes = {start * steps: stage.mix for start, stage in stages}
    return Feed(
        training=pair_batches(sampler, spec.width, options.batch_size, left, mixes),
        validation=batches(
            _cut(validation, options), spec, options.batch_size, whole_only=options.distribute
        ),
        steps=steps,
        training_images=sampler.images,
        validation_images=[located.image for located in validation],
    )


def pair_sampler(options: Options) -> PairSampler:
    """Find the faces of Train, and of the photographs if there are any, and pair them."""
    photographs: list[LocatedImage] = []
    if options.photographs:
        listed = read_photographs(options.photographs, "Train")
        photographs = locate_faces(listed, options.output / "cache", "Faces of photographs")
    return PairSampler(
        _located(options, "Train"),
        photographs,
        size=options.recipe.input.width,
        margin=MARGIN,
        seed=options.seed,
        ingredients=Ingredients(
            blends="blends" not in options.without,
            cross_blends="cross-blends" not in options.without,
            degradations="degradations" not in options.without,
            face_crops=options.crop == "face",
        ),
    )


def _located(options: Options, split: str) -> list[LocatedImage]:
    images = [image for image in read_split(options.data, split) if options.keeps(image)]
    return locate_faces(images, options.output / "cache", f"Faces of {split}")


def _cut(located: list[LocatedImage], options: Options) -> DecodedSplit:
    """Cut the faces out as judging does, so that Validation measures what a user will see."""
    face_of = {one.image.path: one.face for one in located}

    def load(path: Path) -> NDArray[np.uint8]:
        face = face_of[path] if options.crop == "face" else None
        return face_pixels(decode(path).pixels, face, options.recipe.input, MARGIN)

    return decode_split(
        [one.image for one in located],
        options.recipe.input,
        cache=options.output / "cache" / options.crop,
        description="Decoding Validation",
        load=load,
    )
