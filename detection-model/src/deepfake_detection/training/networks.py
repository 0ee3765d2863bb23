"""The networks: v1, v2 and v3 as the reference system defines them.

    >>> from deepfake_detection.training.networks import build_v3
    >>> build_v3().count_params()
    3946481

All take float32 images of shape (256, 256, 3) with values in [0, 1] and answer P(fake), shape (1,).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import keras
from keras import layers

from deepfake_detection.image.card import InputSpec

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


@dataclass(frozen=True)
class Recipe:
    """How one of our networks is built and trained.

    Attributes:
        build: Makes the untrained network.
        epochs: Passes over the training images.
        summary: One sentence for its card.
        input: What it takes.
        batch_size: Images a step.
        learning_rate: Adam's.
        known_limits: Sentences for its card.
    """

    build: Callable[[], keras.Model]
    epochs: int
    summary: str
    input: InputSpec = REFERENCE_INPUT
    batch_size: int = 32
    learning_rate: float = 1e-3
    known_limits: tuple[str, ...] = (
        "Trained for comparison with the reference system; too weak to rely on.",
        "Judges the whole image, squeezed to a square; it looks for no face.",
        "Knows the two kinds of fakes it was trained on; on others nothing was measured.",
    )


RECIPES = {
    "v1": Recipe(build_v1, 20, "The reference's first network: three convolutions, no dropout."),
    "v2": Recipe(build_v2, 10, "The reference's second network: v1 with padding and dropout."),
    "v3": Recipe(build_v3, 20, "The reference's third network: v2 trained for 20 epochs."),
}


def optimizer_variable_count(network: keras.Model) -> int:
    """Number of values the built optimizer keeps: 2N + 2 for Adam on N parameters."""
    return sum(math.prod(variable.shape) for variable in network.optimizer.variables)
