"""The networks: v1, v2 and v3 as the reference system defines them, and v4 of our own.

    >>> from deepfake_detection.training.networks import build_v3
    >>> build_v3().count_params()
    3946481

All answer P(fake), shape (1,). The first three take float32 images of shape (256, 256, 3) with
values in [0, 1]; v4 takes a face, of shape (224, 224, 3), with values from 0 to 255.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, pairwise
from typing import Any

import keras
import tensorflow as tf
from keras import layers, ops

from deepfake_detection.image.card import Crop, InputSpec
from deepfake_detection.training.efficientnet import efficientnet_lite0, start_from_imagenet
from deepfake_detection.training.pairs import Mix


@dataclass(frozen=True)
class TrainingStage:
    """A part of a training in which the learning rate rises and falls once.

    Attributes:
        epochs: Its length.
        peak_rate: The learning rate at its highest.
        mix: What the pairs are made of.
    """

    epochs: int
    peak_rate: float
    mix: Mix


V4_STAGES = (
    TrainingStage(30, 1e-4, Mix()),
    TrainingStage(
        10,
        6e-5,
        Mix(
            blended=0.35,
            foreign=0.4,
            banded=0.3,
            untouched=0.35,
            smoothed=0.08,
            erased=0.25,
        ),
    ),
)
V4_LIMITS = (
    "Judges faces of 40 pixels and more; what happens beside the face it does not see.",
    "Knows GAN portraits and face swaps; portraits made by diffusion were not among its training.",
)
REFERENCE_INPUT = InputSpec(height=256, width=256, channels=3, value_range=(0.0, 1.0))


def build_v1() -> keras.Model:
    """Three convolutions and a dense layer, no dropout: 3,696,625 parameters."""
    return keras.Sequential(
        [
            keras.Input((256, 256, 3)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            # In float32 under mixed precision too: a sigmoid near 0 or 1 needs the digits.
            layers.Dense(1, activation="sigmoid", dtype="float32"),
        ],
        name="v1",
    )


def build_v2(name: str = "v2") -> keras.Model:
    """v1 with padding and three dropouts against overfitting: 3,946,481 parameters."""
    return keras.Sequential(
        [
            keras.Input((256, 256, 3)),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.5),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(1, activation="sigmoid", dtype="float32"),
        ],
        name=name,
    )


def build_v3() -> keras.Model:
    """The same network as v2, trained for twice as many epochs."""
    return build_v2(name="v3")


def build_v4() -> keras.Model:
    """EfficientNet-Lite0 with one unit for its classifier: 3,351,281 parameters."""
    pixels = keras.Input((224, 224, 3))
    return classified(pixels, efficientnet_lite0(pixels))


def build_mirrored_v4() -> keras.Model:
    """v4 as it serves: the mean of what it finds in a face and in the face's mirror image.

    The weights are those of ``build_v4``. The logit is the mean of both images' logits, because all
    that follows the feature map is linear; the mirror image's map is turned back, so that the mean
    of both maps shows where.
    """
    pixels = keras.Input((224, 224, 3))
    both = efficientnet_lite0(ops.concatenate([pixels, ops.flip(pixels, axis=2)], axis=0))
    straight, mirrored = ops.split(both, 2, axis=0)
    return classified(pixels, (straight + ops.flip(mirrored, axis=2)) / 2)


def classified(pixels: keras.KerasTensor, features: keras.KerasTensor) -> keras.Model:
    """End in v4's head: the map's mean, and one unit."""
    pooled = layers.GlobalAveragePooling2D()(features)
    kept = layers.Dropout(0.2)(pooled)
    fake = layers.Dense(1, activation="sigmoid", dtype="float32", name="fake")(kept)
    return keras.Model(pixels, fake, name="v4")


def adam(_epochs: int, _steps: int) -> keras.optimizers.Optimizer:
    """Adam at its usual rate: what the reference's networks are trained with."""
    return keras.optimizers.Adam(1e-3)


def annealed_adamw(
    stages: Sequence[TrainingStage], epochs: int, steps: int
) -> keras.optimizers.Optimizer:
    """AdamW whose rate, in each stage, rises for a twentieth of it, then falls to nothing.

    It falls as a cosine; beginning anew leads out of what the stage before had settled on (warm
    restarts, Loshchilov and Hutter 2017).

    Args:
        stages: Of the training.
        epochs: Of the whole training.
        steps: Of an epoch.
    """
    starts = [epoch * steps for epoch in stage_starts(stages, epochs)]
    rates = []
    for stage, (start, end) in zip(stages, pairwise([*starts, epochs * steps]), strict=True):
        rise = max(1, (end - start) // 20)
        fall = max(1, end - start - rise)
        rates.append(
            keras.optimizers.schedules.CosineDecay(
                0.0, fall, warmup_target=stage.peak_rate, warmup_steps=rise
            )
        )
    return keras.optimizers.AdamW(InTurn(starts, rates), weight_decay=0.01)


def stage_starts(stages: Sequence[TrainingStage], epochs: int) -> list[int]:
    """Return the epochs that the stages begin at in a training of so many.

    A training of another length than the recipe's has all stages shorter or longer; a very short
    one is over before the last begins. Without stages, the whole of it is one.
    """
    if not stages:
        return [0]
    lengths = [stage.epochs for stage in stages]
    return [round(epochs * before / sum(lengths)) for before in accumulate(lengths[:-1], initial=0)]


class InTurn(keras.optimizers.schedules.LearningRateSchedule):
    """Schedules that follow each other, each counting its own steps."""

    def __init__(
        self,
        starts: Sequence[int],
        schedules: Sequence[keras.optimizers.schedules.LearningRateSchedule],
    ) -> None:
        """Let each schedule begin at its step; the first at 0."""
        self._starts, self._schedules = starts, schedules

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """Return the rate at a step of all."""
        rate = self._schedules[0](step)
        for start, schedule in zip(self._starts[1:], self._schedules[1:], strict=True):
            rate = ops.where(step < start, rate, schedule(ops.maximum(step - start, 0)))
        return rate

    def get_config(self) -> dict[str, Any]:
        """Describe it for TensorBoard's picture of the network; nothing reads it back."""
        schedules = map(keras.optimizers.schedules.serialize, self._schedules)
        return {"starts": list(self._starts), "schedules": list(schedules)}


@dataclass(frozen=True)
class Recipe:
    """How one of our networks is built and trained.

    Attributes:
        build: Makes the untrained network.
        epochs: Passes over the training images.
        summary: One sentence for its card.
        input: What it takes.
        crop: What of an image it is shown, as in the card.
        batch_size: Images a step.
        optimizer: Makes the optimizer of a run of so many epochs and steps an epoch.
        initialise: Sets the weights to start from, given some batches; else chance sets them.
        bfloat16: Whether a processor that computes in it trains the network faster so.
        pair_epoch: Images an epoch, where it is trained on pairs (see ``pairs``); None where it is
            trained on the split as it is.
        stages: Of the training, if there are several; the epoch to keep is chosen in the last.
        build_served: Makes the network that is exported, with the weights of the trained one; None
            where that is exported itself.
        known_limits: Sentences for its card.
        version: For its card; another one whenever its weights come out of another training.
    """

    build: Callable[[], keras.Model]
    epochs: int
    summary: str
    input: InputSpec = REFERENCE_INPUT
    crop: Crop = "whole"
    batch_size: int = 32
    optimizer: Callable[[int, int], keras.optimizers.Optimizer] = adam
    initialise: Callable[[keras.Model, Iterable[tf.Tensor]], None] | None = None
    bfloat16: bool = True
    pair_epoch: int | None = None
    stages: tuple[TrainingStage, ...] = ()
    build_served: Callable[[], keras.Model] | None = None
    known_limits: tuple[str, ...] = (
        "Trained for comparison with the reference system; too weak to rely on.",
        "Judges the whole image, squeezed to a square; it looks for no face.",
        "Knows the two kinds of fakes it was trained on; on others nothing was measured.",
    )
    version: str = "1.0"


RECIPES = {
    "v1": Recipe(build_v1, 20, "The reference's first network: three convolutions, no dropout."),
    "v2": Recipe(build_v2, 10, "The reference's second network: v1 with padding and dropout."),
    "v3": Recipe(build_v3, 20, "The reference's third network: v2 trained for 20 epochs."),
    "v4": Recipe(
        build_v4,
        sum(stage.epochs for stage in V4_STAGES),
        "Our own: EfficientNet-Lite0 on a face and its mirror image, trained on labelled fakes and "
        "on blends.",
        input=InputSpec(height=224, width=224, channels=3, value_range=(0, 255)),
        crop="face",
        optimizer=partial(annealed_adamw, V4_STAGES),
        initialise=start_from_imagenet,
        bfloat16=False,  # 20 images a second against 42: depthwise convolutions are slow in it
        pair_epoch=8192,
        stages=V4_STAGES,
        build_served=build_mirrored_v4,
        known_limits=V4_LIMITS,
        version="1.1",
    ),
}


def optimizer_variable_count(network: keras.Model) -> int:
    """Number of values the built optimizer keeps: 2N + 2 for Adam on N parameters."""
    return sum(math.prod(variable.shape) for variable in network.optimizer.variables)
