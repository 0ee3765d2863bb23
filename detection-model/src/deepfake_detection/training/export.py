"""Write a trained network as ``NAME.keras`` (float32, no optimizer state) with its card."""

from pathlib import Path

import keras

from deepfake_detection.image.card import Card, Crop, TrainingRecord, sha256_of
from deepfake_detection.training.networks import Recipe


def export(
    recipe: Recipe,
    weights: Path,
    destination: Path,
    record: TrainingRecord,
    *,
    crop: Crop,
    optimizer_variables: int,
    data_licence: str,
) -> Path:
    """Rebuild the network as it serves, in float32, load ``weights``, save it and its card whole.

    A mixed-precision policy would travel inside the ``.keras`` file and export to an invalid ONNX
    graph, so the network is built anew rather than saved as it was trained.
    """
    network = (recipe.build_served or recipe.build)()
    network.load_weights(weights)
    save_whole(network, destination)
    card = Card(
        name=destination.stem,
        version=recipe.version,
        summary=recipe.summary,
        sha256=sha256_of(destination),
        input=recipe.input,
        crop=crop,
        parameters=network.count_params(),
        optimizer_variables=optimizer_variables,
        training=record,
        data_licence=data_licence,
        known_limits=list(recipe.known_limits),
    )
    card.save(destination.with_suffix(".json"))
    return destination


def save_whole(network: keras.Model, destination: Path) -> None:
    """Save under a temporary name first, so that a half-written file never has the final one."""
    partial = destination.with_name(f".{destination.stem}.partial.keras")
    try:
        network.save(partial, include_optimizer=False)
        partial.replace(destination)
    finally:
        partial.unlink(missing_ok=True)
