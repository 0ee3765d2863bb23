"""Fit what turns a network's own score into a probability one may quote, on Validation.

Temperature and bias follow Platt (1999) and Guo et al. (2017): a logistic regression on the logit.
Both classes weigh the same, whatever their counts.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from deepfake_detection.errors import UserError
from deepfake_detection.image.card import Calibration, Card, InconclusiveBand

# Accuracy that the decided images should reach, and the largest share that may stay undecided.
TARGET_ACCURACY = 0.98
MAX_INCONCLUSIVE = 0.2
# Share of photographs of other origins that may be called fake.
MAX_FALSE_ALARMS = 0.03


class CalibrationError(UserError):
    """A network whose scores say nothing about the classes."""


def calibrated(
    card: Card,
    raw: NDArray[np.float32],
    labels: NDArray[np.float32],
    photographs: NDArray[np.float32] | None = None,
) -> Card:
    """Return the card with temperature, bias and inconclusive band fitted.

    Args:
        card: Of the network that gave ``raw``.
        raw: P(fake) before calibration on Validation, of shape (images,).
        labels: 1.0 for fake, 0.0 for real.
        photographs: As ``raw``, of photographs of an origin that Validation does not hold.

    Raises:
        CalibrationError: If higher scores do not go with fakes.
    """
    calibration = fit_calibration(raw, labels)
    band = fit_band(calibration.apply_all(raw), labels)
    if photographs is not None:
        band = spare_photographs(band, calibration.apply_all(photographs))
    return card.model_copy(update={"calibration": calibration, "inconclusive": band})


def fit_calibration(raw: NDArray[np.float32], labels: NDArray[np.float32]) -> Calibration:
    """Fit temperature and bias by maximum likelihood."""
    logits = logit(np.clip(raw.astype(np.float64), 1e-7, 1 - 1e-7))
    model = LogisticRegression(C=np.inf, class_weight="balanced", tol=1e-8)
    model.fit(logits.reshape(-1, 1), labels)
    slope, bias = float(model.coef_[0, 0]), float(model.intercept_[0])
    if slope <= 0:
        raise CalibrationError(
            "Its scores do not rise from real to fake on these images: are the labels, the class "
            "order or the file the right ones?"
        )
    return Calibration(temperature=round(1 / slope, 6), bias=round(bias, 6))


def fit_band(p: NDArray[np.float64], labels: NDArray[np.float32]) -> InconclusiveBand:
    """Find the narrowest band around 0.5 outside which ``TARGET_ACCURACY`` holds.

    Where that would leave more than ``MAX_INCONCLUSIVE`` of the images undecided, the band holds
    that share of them.
    """
    distance = np.abs(p - 0.5)
    nearest_first = np.argsort(distance)
    right = ((p > 0.5) == (labels == 1))[nearest_first]  # noqa: PLR2004 - the contract
    # Accuracy of what remains when the k images nearest to 0.5 are left out.
    remaining = np.arange(len(p), 0, -1)
    accuracy = np.cumsum(right[::-1])[::-1] / remaining
    limit = int(MAX_INCONCLUSIVE * len(p))
    reached = np.flatnonzero(accuracy[: limit + 1] >= TARGET_ACCURACY)
    left_out = int(reached[0]) if len(reached) else limit
    if left_out == 0:
        return InconclusiveBand()
    half = round(float(distance[nearest_first[left_out]]), 4)
    return InconclusiveBand(low=round(0.5 - half, 4), high=round(0.5 + half, 4))


def spare_photographs(band: InconclusiveBand, p: NDArray[np.float64]) -> InconclusiveBand:
    """Raise the band's upper end until it calls ``MAX_FALSE_ALARMS`` of the photographs fake.

    Args:
        band: To widen.
        p: Calibrated P(fake) of photographs, of shape (images,).
    """
    bound = float(np.quantile(p, 1 - MAX_FALSE_ALARMS, method="higher"))
    # Up to the next of the four digits, so that the bound itself lies inside.
    return band.model_copy(update={"high": max(band.high, min(1.0, round(bound + 1e-4, 4)))})
