"""The documents' tables, made from the cards and the settings.

    python -m tests.docs.tables

writes them into the documents; the tests fail while these hold others.
"""

import json
import re
from pathlib import Path

from deepfake_detection.image import Card
from deepfake_detection.image.card import Evaluation, Scores
from deepfake_webapp.settings import Settings, variable_of

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "webapp-backend/workspace/model"
CARDS = [Card.load(path) for path in sorted(MODELS.glob("*.json"))]
DOCUMENTS = (ROOT / "README.md", ROOT / "docs/v4.md")
SOURCES = ("all", "140k_nyasha", "140k_zoya", "dfdc_faces224")


def row(*cells: str) -> str:
    """Join one row's cells."""
    return "| " + " | ".join(cells) + " |"


def test_evaluation(card: Card) -> Evaluation:
    """The card's measurement on the Test split of the data."""
    (test,) = [e for e in card.evaluations if e.split == "Test" and e.sources["all"].fake]
    return test


def photographs_evaluation(card: Card) -> Evaluation:
    """The card's measurement on photographs of another origin."""
    (test,) = [e for e in card.evaluations if e.split == "Test" and not e.sources["all"].fake]
    return test


def on_test(card: Card) -> dict[str, Scores]:
    """The scores on Test, by source."""
    return test_evaluation(card).sources


def accuracy_row(card: Card) -> str:
    """Accuracy and AUC with their intervals."""
    cells = [card.name]
    for s in map(on_test(card).__getitem__, SOURCES):
        accuracy, auc = s.intervals["accuracy"], s.intervals["auc"]
        cells.append(
            f"{s.accuracy:.1%} [{accuracy.low:.1%}, {accuracy.high:.1%}]<br>"
            f"{s.auc:.3f} [{auc.low:.3f}, {auc.high:.3f}]"
        )
    return row(*cells)


def confusion_row(card: Card) -> str:
    """Precision, recall and the confusion matrix."""
    cells = [card.name]
    for s in map(on_test(card).__getitem__, SOURCES):
        c = s.confusion
        cells.append(
            f"{s.precision:.1%} / {s.recall:.1%}<br>{c.true_positive} / {c.false_positive} / "
            f"{c.true_negative} / {c.false_negative}"
        )
    return row(*cells)


def training_row(card: Card) -> str:
    """What was trained, and the epoch kept beside the last one."""
    training = card.training
    history = training.history
    kept, last = history[training.best_epoch - 1], history[-1]
    cells = [
        card.name,
        f"{card.parameters:,}",
        f"{card.optimizer_variables:,}",
        f"{training.epochs}, {training.best_epoch}",
        f"{last.accuracy:.1%}",
        f"{kept.val_accuracy:.1%} / {last.val_accuracy:.1%}",
        f"{min(epoch.val_loss for epoch in history):.3f} / {last.val_loss:.3f}",
    ]
    return row(*cells)


def robustness_rows() -> list[str]:
    """AUC on Test as it is, then after each alteration with the difference."""
    tests = [test_evaluation(card) for card in CARDS]
    plain = [test.sources["all"].auc for test in tests]
    rows = [["as they are", *(f"{auc:.3f}" for auc in plain)]]
    for alteration in tests[0].robustness:
        aucs = [test.robustness[alteration].auc for test in tests]
        cells = [f"{a:.3f} ({a - p:+.3f})" for a, p in zip(aucs, plain, strict=True)]
        rows.append([alteration, *cells])
    return [row(*cells) for cells in rows]


def certainty_row(card: Card) -> str:
    """How far the probabilities and the verdicts can be trusted."""
    test, photographs = test_evaluation(card), photographs_evaluation(card)
    low, high = card.inconclusive.low, card.inconclusive.high
    cells = [
        card.name,
        f"{test.sources['all'].calibration_error:.3f}",
        f"{low:.2f} to {high:.2f}",
        f"{test.decided.share:.1%}",
        f"{test.decided.accuracy:.1%}",
        f"{test.decided.reals_called_fake:.1%}",
        f"{test.decided.fakes_called_real:.1%}",
        f"{photographs.decided.reals_called_fake:.1%}",
    ]
    return row(*cells)


def measured(name: str) -> dict[str, dict[str, float]]:
    """What a benchmark wrote: rows of columns."""
    rows: dict[str, dict[str, float]] = json.loads((ROOT / "docs" / name).read_text("utf-8"))
    return rows


def ablation_rows() -> list[str]:
    """Each run of ``ablate.py``; in brackets, the difference from the one with everything."""
    runs = measured("ablation.json")
    whole = runs["everything"]
    rows = []
    for title, run in runs.items():
        cells = [
            f"{value:.3f}" + (f" ({value - whole[name]:+.3f})" if run is not whole else "")
            for name, value in run.items()
        ]
        rows.append(row(title, *cells))
    return rows


def low_level_rows() -> list[str]:
    """Each variant of ``low_level.py``."""
    rows = []
    for title, run in measured("low_level.json").items():
        cells = [*(f"{run[source]:.3f}" for source in SOURCES), f"{run['parameters']:,}"]
        rows.append(row(title, *cells))
    return rows


def unseen_rows() -> list[str]:
    """Each network of ``unseen.py``."""
    rows = []
    for name, run in measured("unseen.json").items():
        *aucs, called_fake = run.values()
        cells = [*(f"{auc:.3f}" for auc in aucs), f"{called_fake:.1%}"]
        rows.append(row(name, *cells))
    return rows


def setting_rows() -> list[str]:
    """One table row for each setting: variable, default, description."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if isinstance(default, Path):
            default = default.relative_to(ROOT)
        shown = f"`{default}`" if default not in (None, "", ()) else ""
        rows.append(f"| `{variable_of(name)}` | {shown} | {field.description} |")
    return rows


def table(header: tuple[str, ...], rows: list[str]) -> str:
    """Join a header, its rule and the rows."""
    return "\n".join([row(*header), "|---" * len(header) + "|", *rows])


def tables() -> dict[str, str]:
    """Every generated table by the name of its place in the README."""
    counts = {source: s.real + s.fake for source, s in on_test(CARDS[0]).items()}
    columns = tuple(f"{source}, {counts[source]:,}" for source in SOURCES)
    training = (
        "network",
        "parameters",
        "optimizer's variables",
        "epochs, kept",
        "training accuracy, last epoch",
        "Validation accuracy, kept / last",
        "Validation loss, best / last",
    )
    confusion = ("precision / recall<br>TP / FP / TN / FN", *columns)
    certainty = (
        "network",
        "calibration error",
        "inconclusive",
        "decided",
        "right, of these",
        "real called fake",
        "fake called real",
        "photographs of another origin called fake",
    )
    names = tuple(card.name for card in CARDS)
    ablation = (
        "AUC on Validation",
        *SOURCES,
        "all, at JPEG quality 50",
        "share of photographs of another origin above 0.5",
    )
    low_level = ("AUC on Validation", *SOURCES, "parameters")
    unseen = ("AUC", *next(iter(measured("unseen.json").values())))
    return {
        "low_level": table(low_level, low_level_rows()),
        "unseen": table(unseen, unseen_rows()),
        "ablation": table(ablation, ablation_rows()),
        "accuracy": table(("accuracy<br>AUC", *columns), [*map(accuracy_row, CARDS)]),
        "confusion": table(confusion, [*map(confusion_row, CARDS)]),
        "training": table(training, [*map(training_row, CARDS)]),
        "robustness": table(("AUC on Test", *names), robustness_rows()),
        "certainty": table(certainty, [*map(certainty_row, CARDS)]),
        "settings": table(("variable", "default", ""), setting_rows()),
    }


def with_tables(document: str) -> str:
    """Return the text with every generated table that it has a place for replaced."""
    for name, content in tables().items():
        place = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)", re.DOTALL)
        document = place.sub(lambda match, content=content: match[1] + content + match[2], document)
    return document


if __name__ == "__main__":
    for path in DOCUMENTS:
        path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
