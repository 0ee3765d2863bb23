import numpy as np
import pytest

from deepfake_detection.image.card import Card, InconclusiveBand, InputSpec
from deepfake_detection.training import metrics
from deepfake_detection.training.calibrate import (
    MAX_FALSE_ALARMS,
    CalibrationError,
    fit_band,
    fit_calibration,
    spare_photographs,
)

P = np.array([0.9, 0.8, 0.3, 0.6, 0.2, 0.1])
LABELS = np.array([1, 1, 1, 0, 0, 0], np.float32)


def test_scores_by_hand():
    s = metrics.scores(P, LABELS)
    assert (s.real, s.fake) == (3, 3)
    assert (s.confusion.true_positive, s.confusion.false_positive) == (2, 1)
    assert (s.confusion.true_negative, s.confusion.false_negative) == (2, 1)
    assert s.accuracy == s.precision == s.recall == pytest.approx(2 / 3, abs=1e-4)
    assert s.auc == pytest.approx(8 / 9, abs=1e-4)
    assert s.equal_error_rate == pytest.approx(1 / 3, abs=1e-4)


def test_a_flipped_score_has_the_mirrored_auc():
    assert metrics.scores(1 - P, LABELS).auc == pytest.approx(1 / 9, abs=1e-4)


def test_one_class_has_no_auc_but_the_rest():
    s = metrics.scores(P[:3], LABELS[:3])
    assert s.auc is None
    assert s.equal_error_rate is None
    assert s.recall == pytest.approx(2 / 3, abs=1e-4)


def test_no_positive_means_no_precision():
    assert metrics.scores(np.array([0.1, 0.2]), np.array([1, 0], np.float32)).precision is None


def test_calibration_error_is_the_gap_between_saying_and_being():
    p = np.full(100, 0.75)
    assert metrics.calibration_error(p, np.ones(100, np.float32)) == pytest.approx(0.25, abs=1e-6)
    labels = np.array([1] * 75 + [0] * 25, np.float32)
    assert metrics.calibration_error(p, labels) == pytest.approx(0, abs=1e-6)


def test_reliability_counts_every_image_once():
    p = np.linspace(0, 1, 1001)
    bins = metrics.reliability(p, (p > 0.5).astype(np.float32))
    assert sum(b.count for b in bins) == 1001
    assert bins[0].fraction_fake == 0
    assert bins[-1].fraction_fake == 1


def test_roc_runs_from_corner_to_corner():
    curve = metrics.roc(P, LABELS)
    assert curve[0].false_positive_rate == 0
    assert (curve[-1].false_positive_rate, curve[-1].true_positive_rate) == (1, 1)


def test_intervals_are_wider_when_images_share_a_group():
    random = np.random.default_rng(1)
    labels = np.repeat([0, 1], 100).astype(np.float32)
    # Ten images of a group are ten times the same image.
    p = np.clip(np.repeat(random.normal(0.5, 0.2, 20), 10) + 0.2 * (labels - 0.5), 0, 1)
    alone = metrics.bootstrap_intervals(p, labels, [str(i) for i in range(200)])["auc"]
    grouped = metrics.bootstrap_intervals(p, labels, [str(i // 10) for i in range(200)])["auc"]
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)


def test_intervals_hold_the_measured_value_and_repeat():
    groups = list("abcdef")
    first, second = (metrics.scores(P, LABELS, groups) for _ in range(2))
    assert first == second
    assert first.intervals["accuracy"].low <= first.accuracy <= first.intervals["accuracy"].high


def test_decided_leaves_out_the_band():
    card = Card(
        name="x",
        version="1",
        sha256="0" * 64,
        input=InputSpec(height=8, width=8),
        parameters=1,
        inconclusive=InconclusiveBand(low=0.25, high=0.7),
    )
    d = metrics.decided(P, LABELS, card)
    assert d.share == pytest.approx(4 / 6, abs=1e-4)
    assert d.accuracy == 1
    assert d.reals_called_fake == 0


def miscalibrated(count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Scores whose logits are 2.5 times too large and shifted by 1.2."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, count)
    labels = (random.random(count) < 1 / (1 + np.exp(-logits))).astype(np.float32)
    return (1 / (1 + np.exp(-(2.5 * logits + 1.2)))).astype(np.float32), labels


def test_calibration_recovers_temperature_and_bias():
    raw, labels = miscalibrated()
    fitted = fit_calibration(raw, labels)
    assert fitted.temperature == pytest.approx(2.5, rel=0.1)
    assert fitted.bias == pytest.approx(-1.2 / 2.5, abs=0.1)
    p = np.array([fitted.apply(float(x)) for x in raw])
    assert metrics.calibration_error(p, labels) < 0.03
    assert metrics.calibration_error(raw.astype(np.float64), labels) > 0.08


def test_scores_that_fall_from_real_to_fake_are_not_calibrated():
    raw, labels = miscalibrated(500)
    with pytest.raises(CalibrationError, match="do not rise"):
        fit_calibration(1 - raw, labels)


def test_a_perfect_network_needs_no_band():
    assert fit_band(P[[0, 1, 4, 5]], LABELS[[0, 1, 4, 5]]) == InconclusiveBand()


def test_the_band_holds_what_spoils_the_accuracy_and_no_more():
    p = np.concatenate([np.linspace(0.45, 0.55, 10), np.full(100, 0.02), np.full(100, 0.98)])
    labels = np.concatenate([np.tile([1, 0], 5), np.zeros(100), np.ones(100)]).astype(np.float32)
    band = fit_band(p, labels)
    assert 0.45 <= band.low < 0.5 < band.high <= 0.55


def test_a_hopeless_network_is_inconclusive_on_a_fifth():
    random = np.random.default_rng(2)
    p, labels = random.random(1000), random.integers(0, 2, 1000).astype(np.float32)
    band = fit_band(p, labels)
    inside = ((p > band.low) & (p < band.high)).mean()
    assert inside == pytest.approx(0.2, abs=0.005)


def test_the_band_spares_photographs_of_other_origins():
    band = InconclusiveBand(low=0.4, high=0.6)
    p = np.linspace(0, 0.9, 100)
    spared = spare_photographs(band, p)
    assert spared.low == band.low
    assert 0.01 < (p >= spared.high).mean() <= MAX_FALSE_ALARMS
    assert spare_photographs(band, np.full(100, 0.1)) == band
    assert spare_photographs(band, np.ones(100)).high == 1


def test_one_class_alone_has_no_roc():
    assert metrics.roc(P[LABELS == 0], LABELS[LABELS == 0]) == []
