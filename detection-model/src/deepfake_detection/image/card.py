"""The card: everything about a network that its weights do not say.

``NAME.json`` lies beside ``NAME.keras`` and tells a reader how to feed the network, how to read
its output, and how well it was measured to do.
"""

import hashlib
import math
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deepfake_detection.errors import UserError

Probability = Annotated[float, Field(ge=0, le=1)]
Verdict = Literal["fake", "real", "inconclusive"]
Crop = Literal["whole", "face"]
ResizeFilter = Literal["bilinear", "bicubic", "lanczos", "box", "hamming", "nearest"]
ClassName = Literal["fake", "real"]
# A name is part of addresses and file names.
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InputSpec(_Part):
    """What the network takes: uint8 pixels mapped linearly to ``value_range``."""

    height: int = Field(gt=0, le=4096)
    width: int = Field(gt=0, le=4096)
    channels: Literal[1, 3] = 3
    value_range: tuple[float, float] = (0.0, 1.0)
    resize_filter: ResizeFilter = "bilinear"


class Calibration(_Part):
    """``fake_probability = sigmoid(logit / temperature + bias)``, fitted on Validation."""

    temperature: float = Field(default=1.0, gt=0)
    bias: float = 0.0

    def apply(self, probability: float) -> float:
        """Calibrate the network's own P(fake); 0 and 1 are taken as the nearest float32."""
        p = min(max(probability, 1e-7), 1 - 1e-7)
        logit = math.log(p / (1 - p)) / self.temperature + self.bias
        return 1 / (1 + math.exp(-logit)) if logit >= 0 else 1 - 1 / (1 + math.exp(logit))

    def apply_all(self, probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
        """Calibrate an array of shape (images,); see ``apply``."""
        return np.array([self.apply(float(p)) for p in probabilities])


class InconclusiveBand(_Part):
    """Probabilities strictly between ``low`` and ``high`` are called inconclusive."""

    low: Probability = 0.5
    high: Probability = 0.5


class Confusion(_Part):
    """Counts at the decision threshold of 0.5; a positive is a fake."""

    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int


class Interval(_Part):
    """Bounds of a 95 % bootstrap interval."""

    low: float
    high: float


class ReliabilityBin(_Part):
    """Images whose probability fell into one bin, and what they really were."""

    low: Probability
    high: Probability
    count: int
    mean_probability: Probability | None
    fraction_fake: Probability | None


class Scores(_Part):
    """What was measured on one set of images; the threshold is 0.5 throughout.

    ``auc`` and ``equal_error_rate`` are null where the set holds one class only.
    """

    real: int
    fake: int
    accuracy: Probability
    precision: Probability | None
    recall: Probability | None
    auc: Probability | None
    equal_error_rate: Probability | None
    calibration_error: Probability
    confusion: Confusion
    intervals: dict[str, Interval] = {}


class DecidedScores(_Part):
    """Accuracy on the images whose verdict is not inconclusive, and the share they are."""

    share: Probability
    accuracy: Probability | None
    reals_called_fake: Probability | None
    fakes_called_real: Probability | None


class RocPoint(_Part):
    """One point of the ROC curve."""

    false_positive_rate: Probability
    true_positive_rate: Probability


class Evaluation(_Part):
    """One measurement of a network on one split of one data set.

    ``sources`` holds a key for each source of the manifest and ``all`` for their sum;
    ``robustness`` maps a change made to every image to the scores after it.
    """

    data: str
    split: str
    command: str
    date: str
    sources: dict[str, Scores]
    decided: DecidedScores | None = None
    roc: list[RocPoint] = []
    reliability: list[ReliabilityBin] = []
    robustness: dict[str, Scores] = {}


class EpochScores(_Part):
    """The training log's figures at the end of one epoch, counted from 1."""

    epoch: int
    loss: float
    accuracy: float
    auc: float
    val_loss: float
    val_accuracy: float
    val_auc: float


class TrainingRecord(_Part):
    """How the weights came about."""

    command: str
    date: str
    data: str
    images: dict[str, int] = {}
    epochs: int
    best_epoch: int
    history: list[EpochScores] = []
    precision: str
    seed: int
    seconds: float
    versions: dict[str, str] = {}


class Card(_Part):
    """The description that travels with a network.

    ``class_order`` reads the output: for two units the class of each, for one sigmoid
    ``("real", "fake")`` when it is P(fake) and ``("fake", "real")`` when it is P(real).

    ``crop`` says what the network is shown: the ``whole`` image, squeezed to its input, or each
    ``face``, in a square of ``margin`` times the longer side of the face's box.
    """

    name: str = Field(pattern=NAME_PATTERN)
    version: str
    summary: str = ""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    input: InputSpec
    crop: Crop = "whole"
    margin: float = Field(default=1.3, ge=1, le=4)
    class_order: tuple[ClassName, ClassName] = ("real", "fake")
    calibration: Calibration = Calibration()
    inconclusive: InconclusiveBand = InconclusiveBand()
    parameters: int
    optimizer_variables: int | None = None
    training: TrainingRecord | None = None
    evaluations: list[Evaluation] = []
    data_licence: str = "unknown"
    known_limits: list[str] = []

    def verdict(self, fake_probability: float) -> Verdict:
        """Turn a calibrated probability into the word a person reads."""
        if self.inconclusive.low < fake_probability < self.inconclusive.high:
            return "inconclusive"
        return "fake" if fake_probability > 0.5 else "real"  # noqa: PLR2004 - the contract

    def save(self, path: Path) -> None:
        """Write the card as JSON, whole or not at all."""
        partial = path.with_name(path.name + ".partial")
        partial.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a card.

        Raises:
            CardError: If it is no valid card, with the first fault named.
            OSError: If the file cannot be read.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(str(part) for part in fault["loc"]) or "the file"
            raise CardError(f"{path.name}: {where}: {fault['msg']}") from error


class CardError(UserError):
    """A card that is no card; the message names the field."""


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
