"""Write measurements into a network's card."""

from pathlib import Path

import numpy as np

from deepfake_detection.image.card import Card, Evaluation
from deepfake_detection.inference.network import Network, load_network
from deepfake_detection.training.calibrate import CalibrationError, calibrated
from deepfake_detection.training.dataset import DataError, read_split
from deepfake_detection.training.evaluate import evaluate, score_images


def calibrate_card(keras_file: Path, data: Path, cache: Path) -> Card:
    """Fit orientation, calibration and band on ``data``'s Validation split; save the card.

    A file without a card gets one. Its class order is turned round if its scores fall from real
    to fake; the order that a card declares is never turned.

    Raises:
        CalibrationError: If the scores say nothing about the classes, or contradict the card.
        DataError: If there is no Validation split.
        UnusableModel: If the network cannot be served.
    """
    network = load_network(keras_file, cache)
    card = network.card
    scored = score_images(network, read_split(data, "Validation"), description="Calibrating")
    raw = scored.raw
    if len(np.unique(scored.labels)) < 2:  # noqa: PLR2004 - two classes
        raise DataError(f"Validation in {data} needs readable images of both classes.")
    if not network.reading.proven and raw[scored.labels == 1].mean() < raw.mean():
        card = card.model_copy(update={"class_order": card.class_order[::-1]})
        raw = 1 - raw
    try:
        card = calibrated(card, raw, scored.labels)
    except CalibrationError as error:
        raise CalibrationError(f"{keras_file.name}: {error}") from error
    card.save(keras_file.with_suffix(".json"))
    return card


def evaluate_network(
    network: Network, data: Path, split: str, *, data_name: str = "", robustness: bool = False
) -> Evaluation:
    """Measure a network on one split of ``data``; see ``evaluate``."""
    command = f"deepfake evaluate {network.card.name} --data DATA --split {split}"
    return evaluate(
        network,
        read_split(data, split),
        data=data_name or data.resolve().name,
        split=split,
        command=command + " --robustness" * robustness,
        robustness=robustness,
    )


def with_evaluation(network: Network, evaluation: Evaluation) -> Card:
    """Return the network's card with the evaluation in the place of its predecessor."""
    others = [
        e
        for e in network.card.evaluations
        if (e.data, e.split) != (evaluation.data, evaluation.split)
    ]
    return network.card.model_copy(update={"evaluations": [*others, evaluation]})
