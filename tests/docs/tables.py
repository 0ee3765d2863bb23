"""The README's tables, made from the cards and the settings.

    python -m tests.docs.tables

writes them into the README; the tests fail while it holds others.
"""

import re
from pathlib import Path

from deepfake_detection.image import Card
from deepfake_detection.image.card import Scores
from deepfake_webapp.settings import Settings, variable_of

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "webapp-backend/workspace/model"
CARDS = [Card.load(path) for path in sorted(MODELS.glob("*.json"))]
SOURCES = ("all", "140k_nyasha", "140k_zoya", "dfdc_faces224")


def on_test(card: Card) -> dict[str, Scores]:
    """The card's own measurement on Test, by source."""
    (test,) = [e for e in card.evaluations if e.split == "Test"]
    return test.sources


def accuracy_row(card: Card) -> str:
    """Accuracy and AUC with their intervals."""
    cells = [card.name]
    for s in map(on_test(card).__getitem__, SOURCES):
        accuracy, auc = s.intervals["accuracy"], s.intervals["auc"]
        cells.append(
            f"{s.accuracy:.1%} [{accuracy.low:.1%}, {accuracy.high:.1%}]<br>"
            f"{s.auc:.3f} [{auc.low:.3f}, {auc.high:.3f}]"
        )
    return "| " + " | ".join(cells) + " |"


def confusion_row(card: Card) -> str:
    """Precision, recall and the confusion matrix."""
    cells = [card.name]
    for s in map(on_test(card).__getitem__, SOURCES):
        c = s.confusion
        cells.append(
            f"{s.precision:.1%} / {s.recall:.1%}<br>{c.true_positive} / {c.false_positive} / "
            f"{c.true_negative} / {c.false_negative}"
        )
    return "| " + " | ".join(cells) + " |"


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
    return "| " + " | ".join(cells) + " |"


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
    return "\n".join(["| " + " | ".join(header) + " |", "|---" * len(header) + "|", *rows])


def tables() -> dict[str, str]:
    """Every generated table by the name of its place in the README."""
    counts = {source: s.real + s.fake for source, s in on_test(CARDS[0]).items()}
    columns = tuple(f"{source}, {counts[source]:,}" for source in SOURCES)
    training = (
        "network",
        "parameters",
        "Adam's variables",
        "epochs, kept",
        "training accuracy, last epoch",
        "Validation accuracy, kept / last",
        "Validation loss, best / last",
    )
    confusion = ("precision / recall<br>TP / FP / TN / FN", *columns)
    return {
        "accuracy": table(("accuracy<br>AUC", *columns), [*map(accuracy_row, CARDS)]),
        "confusion": table(confusion, [*map(confusion_row, CARDS)]),
        "training": table(training, [*map(training_row, CARDS)]),
        "settings": table(("variable", "default", ""), setting_rows()),
    }


def with_tables(readme: str) -> str:
    """Return the text with every generated table replaced."""
    for name, content in tables().items():
        place = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)", re.DOTALL)
        assert place.search(readme), f"The README has no place for the table {name}."
        readme = place.sub(lambda match, content=content: match[1] + content + match[2], readme)
    return readme


if __name__ == "__main__":
    path = ROOT / "README.md"
    path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
