"""Figures over probabilities and labels; the decision threshold is 0.5 throughout."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, roc_auc_score, roc_curve

from deepfake_detection.image.card import (
    Card,
    Confusion,
    DecidedScores,
    Interval,
    ReliabilityBin,
    RocPoint,
    Scores,
)

THRESHOLD = 0.5
BINS = 10
RESAMPLES = 1000
_DIGITS = 4

Probabilities = NDArray[np.float64]
Labels = NDArray[np.float32]


def scores(p: Probabilities, labels: Labels, groups: Sequence[str] | None = None) -> Scores:
    """Measure one set of images.

    Args:
        p: Calibrated P(fake), of shape (images,).
        labels: 1.0 for fake, 0.0 for real.
        groups: Images that belong together; with them come 95 % intervals by resampling groups.
    """
    tn, fp, fn, tp = confusion_matrix(labels, p > THRESHOLD, labels=[0, 1]).ravel().tolist()
    both = 0 < labels.sum() < len(labels)
    return Scores(
        real=tn + fp,
        fake=fn + tp,
        accuracy=_rounded((tp + tn) / len(labels)),
        precision=_ratio(tp, tp + fp),
        recall=_ratio(tp, tp + fn),
        auc=_rounded(roc_auc_score(labels, p)) if both else None,
        equal_error_rate=_rounded(equal_error_rate(p, labels)) if both else None,
        calibration_error=_rounded(calibration_error(p, labels)),
        confusion=Confusion(
            true_positive=tp, false_positive=fp, true_negative=tn, false_negative=fn
        ),
        intervals={} if groups is None else bootstrap_intervals(p, labels, groups),
    )


def equal_error_rate(p: Probabilities, labels: Labels) -> float:
    """Rate at which as many reals are called fake as fakes are called real."""
    false_positive, true_positive, _ = roc_curve(labels, p)
    crossing = int(np.argmin(np.abs(false_positive - (1 - true_positive))))
    return float(false_positive[crossing] + 1 - true_positive[crossing]) / 2


def calibration_error(p: Probabilities, labels: Labels) -> float:
    """Expected calibration error over ten equal bins (Guo et al. 2017, on P(fake))."""
    bins = reliability(p, labels)
    gaps = [
        b.count * abs(b.mean_probability - b.fraction_fake)
        for b in bins
        if b.mean_probability is not None and b.fraction_fake is not None
    ]
    return sum(gaps) / len(p)


def reliability(p: Probabilities, labels: Labels) -> list[ReliabilityBin]:
    """Compare stated probability and observed share of fakes, bin by bin."""
    which = np.minimum((p * BINS).astype(int), BINS - 1)
    return [
        ReliabilityBin(
            low=i / BINS,
            high=(i + 1) / BINS,
            count=int((which == i).sum()),
            mean_probability=_mean(p[which == i]),
            fraction_fake=_mean(labels[which == i]),
        )
        for i in range(BINS)
    ]


def roc(p: Probabilities, labels: Labels, points: int = 101) -> list[RocPoint]:
    """Sample the ROC curve at evenly spaced false positive rates; none for one class alone."""
    if len(np.unique(labels)) < 2:  # noqa: PLR2004 - two classes
        return []
    false_positive, true_positive, _ = roc_curve(labels, p)
    grid = np.linspace(0, 1, points)
    return [
        RocPoint(false_positive_rate=_rounded(x), true_positive_rate=_rounded(y))
        for x, y in zip(grid, np.interp(grid, false_positive, true_positive), strict=True)
    ]


def decided(p: Probabilities, labels: Labels, card: Card) -> DecidedScores:
    """Measure the verdicts ``fake`` and ``real``, leaving out what is called inconclusive."""
    verdicts = np.array([card.verdict(float(x)) for x in p])
    sure = verdicts != "inconclusive"
    right = (verdicts == "fake") == (labels == 1)
    return DecidedScores(
        share=_rounded(float(sure.mean())),
        accuracy=_mean(right[sure]),
        reals_called_fake=_mean(verdicts[labels == 0] == "fake"),
        fakes_called_real=_mean(verdicts[labels == 1] == "real"),
    )


def confident_mistakes(p: Probabilities, labels: Labels, count: int) -> list[int]:
    """Rows on the wrong side of the threshold, those farthest from it first."""
    wrong = np.flatnonzero((p > THRESHOLD) != (labels == 1))
    farthest_first = wrong[np.argsort(-np.abs(p[wrong] - THRESHOLD), kind="stable")]
    return [int(row) for row in farthest_first[:count]]


def bootstrap_intervals(
    p: Probabilities, labels: Labels, groups: Sequence[str], seed: int = 0
) -> dict[str, Interval]:
    """95 % intervals of accuracy and AUC, resampling whole groups with replacement."""
    names, group_of = np.unique(np.asarray(groups), return_inverse=True)
    members = [np.flatnonzero(group_of == g) for g in range(len(names))]
    random = np.random.default_rng(seed)
    accuracies, aucs = [], []
    for _ in range(RESAMPLES):
        chosen = random.integers(len(members), size=len(members))
        rows = np.concatenate([members[g] for g in chosen])
        accuracies.append(float(((p[rows] > THRESHOLD) == (labels[rows] == 1)).mean()))
        if 0 < labels[rows].sum() < len(rows):
            aucs.append(float(roc_auc_score(labels[rows], p[rows])))
    samples = {"accuracy": accuracies, "auc": aucs}
    return {name: _interval(values) for name, values in samples.items() if values}


def _interval(values: list[float]) -> Interval:
    low, high = np.percentile(values, (2.5, 97.5))
    return Interval(low=_rounded(low), high=_rounded(high))


def _rounded(value: float) -> float:
    return round(float(value), _DIGITS)


def _ratio(part: int, whole: int) -> float | None:
    return _rounded(part / whole) if whole else None


def _mean(values: NDArray[np.generic]) -> float | None:
    return _rounded(float(values.mean())) if len(values) else None
