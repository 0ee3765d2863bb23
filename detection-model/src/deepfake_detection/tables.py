"""Results as tables, alike in the terminal and in a notebook."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from deepfake_detection.image.card import Card, Scores, TrainingRecord
from deepfake_detection.inference.diffusion_test import Portrait

if TYPE_CHECKING:
    from deepfake_detection.training.near_duplicates import NearDuplicate


def scores_table(title: str, parts: Mapping[str, Scores]) -> Table:
    """One row for each set of images measured."""
    columns = ("", "Real", "Fake", "Accuracy", "Precision", "Recall", "AUC", "EER", "ECE")
    table = Table(*columns, "TP/FP/TN/FN", title=title)
    for name, s in parts.items():
        c = s.confusion
        table.add_row(
            name,
            str(s.real),
            str(s.fake),
            *(percent(v) for v in (s.accuracy, s.precision, s.recall)),
            *("-" if v is None else f"{v:.3f}" for v in (s.auc, s.equal_error_rate)),
            f"{s.calibration_error:.3f}",
            f"{c.true_positive}/{c.false_positive}/{c.true_negative}/{c.false_negative}",
        )
    return table


def portraits_table(title: str, portraits: Sequence[Portrait]) -> Table:
    """One row for each image of a diffusion test."""
    table = Table("File", "Is", "P(fake)", "", title=title)
    for p in portraits:
        score = "" if p.judgement is None else f"{p.judgement.fake_probability:.4f}"
        outcome = p.problem or ("right" if p.right else "wrong")
        table.add_row(p.path.name, "fake" if p.is_fake else "real", score, outcome)
    return table


def duplicates_table(title: str, pairs: "Sequence[NearDuplicate]") -> Table:
    """One row for each pair of images that stands in two splits."""
    table = Table("Bits", "First", "Second", title=title)
    for pair in pairs:
        table.add_row(str(pair.distance), str(pair.first.path), str(pair.second.path))
    return table


def networks_table(cards: Mapping[str, Card]) -> Table:
    """What each network is; the optimizer's variables are not part of it."""
    columns = ("Parameters", "Optimizer's", "Epochs", "Best", "Precision", "Trained on")
    table = Table("", *columns, title="Networks")
    for name, card in cards.items():
        t = card.training
        table.add_row(
            name,
            f"{card.parameters:,}",
            "-" if card.optimizer_variables is None else f"{card.optimizer_variables:,}",
            *(("-",) * 4 if t is None else (str(t.epochs), str(t.best_epoch), t.precision, t.data)),
        )
    return table


def overfitting_table(records: Mapping[str, TrainingRecord]) -> Table:
    """How far Train and Validation have parted in the last epoch."""
    table = Table(
        "", "Train", "Validation", "Gap", "Validation loss", "its lowest", title="Last epoch"
    )
    for name, record in records.items():
        last = record.history[-1]
        table.add_row(
            name,
            percent(last.accuracy),
            percent(last.val_accuracy),
            percent(last.accuracy - last.val_accuracy),
            f"{last.val_loss:.3f}",
            f"{min(epoch.val_loss for epoch in record.history):.3f}",
        )
    return table


def percent(value: float | None) -> str:
    """A share with one decimal, or a dash."""
    return "-" if value is None else f"{value:.1%}"
