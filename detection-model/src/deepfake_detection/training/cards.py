"""Write measurements into a network's card, and read them from all cards."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from deepfake_detection.image.card import Card, Evaluation
from deepfake_detection.inference.network import Network, load_network
from deepfake_detection.training.calibrate import CalibrationError, calibrated
from deepfake_detection.training.dataset import (
    DataError,
    LabelledImage,
    read_photographs,
    read_split,
)
from deepfake_detection.training.evaluate import evaluate, score_images


def calibrate_card(
    keras_file: Path,
    data: Path,
    cache: Path,
    *,
    photographs: Path | None = None,
    keep: Callable[[LabelledImage], bool] = lambda _: True,
) -> Card:
    """Fit orientation, calibration and band on ``data``'s Validation split; save the card.

    A file without a card gets one. Its class order is turned round if its scores fall from real
    to fake; the order that a card declares is never turned. ``keep`` chooses among the images;
    with a folder of ``photographs`` the band spares those of an origin that ``data`` does not hold.

    Raises:
        CalibrationError: If the scores say nothing about the classes, or contradict the card.
        DataError: If there is no Validation split.
        UnusableModel: If the network cannot be served.
    """
    network = load_network(keras_file, cache)
    card = network.card
    images = [image for image in read_split(data, "Validation") if keep(image)]
    scored = score_images(network, images, description="Calibrating")
    if len(np.unique(scored.labels)) < 2:  # noqa: PLR2004 - two classes
        raise DataError(f"Validation in {data} needs readable images of both classes.")
    others = None
    if photographs is not None:
        listed = read_photographs(photographs, "Validation")
        others = score_images(network, listed, description="Photographs").raw
    try:
        card = calibrated(card, scored.raw, scored.labels, others)
    except CalibrationError as error:
        if network.reading.proven:
            raise CalibrationError(f"{keras_file.name}: {error}") from error
        turned = card.model_copy(update={"class_order": card.class_order[::-1]})
        card = calibrated(
            turned, 1 - scored.raw, scored.labels, None if others is None else 1 - others
        )
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


def evaluate_photographs(
    network: Network, photographs: Path, split: str, *, data_name: str = ""
) -> Evaluation:
    """Measure how photographs of an origin without labelled fakes are judged."""
    return evaluate(
        network,
        read_photographs(photographs, split),
        data=data_name or photographs.resolve().name,
        split=split,
        command=f"deepfake evaluate {network.card.name} --photographs PHOTOGRAPHS --split {split}",
    )


def with_evaluation(network: Network, evaluation: Evaluation) -> Card:
    """Return the network's card with the evaluation in the place of its predecessor."""
    others = [
        e
        for e in network.card.evaluations
        if (e.data, e.split) != (evaluation.data, evaluation.split)
    ]
    return network.card.model_copy(update={"evaluations": [*others, evaluation]})


def read_cards(folders: Iterable[Path]) -> dict[str, Card]:
    """Read every card in the folders that exist, by name; of two of one name the later counts.

    Raises:
        CardError: If a ``.json`` beside a ``.keras`` is no card.
    """
    files = [file.with_suffix(".json") for f in folders for file in sorted(f.glob("*.keras"))]
    cards = [Card.load(file) for file in files if file.is_file()]
    return {card.name: card for card in cards}


def measured_on(cards: Mapping[str, Card], split: str) -> dict[str, dict[str, Evaluation]]:
    """Collect the cards' measurements on one split: by data set, then by network."""
    found: dict[str, dict[str, Evaluation]] = {}
    for name, card in cards.items():
        for evaluation in card.evaluations:
            if evaluation.split == split:
                found.setdefault(evaluation.data, {})[name] = evaluation
    return found
