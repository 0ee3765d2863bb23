"""The README says what the code does."""

import re
import subprocess
from pathlib import Path

import pytest

from deepfake_detection.image import Card
from deepfake_detection.image.card import Scores
from deepfake_webapp.app import create_app
from deepfake_webapp.settings import Settings, variable_of

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CARDS = [
    Card.load(path) for path in sorted((ROOT / "webapp-backend/workspace/model").glob("*.json"))
]


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


def test_there_are_cards_to_compare_with():
    assert {card.name for card in CARDS} >= {"v1", "v2", "v3"}


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_the_results_are_the_cards(card):
    rows = [accuracy_row(card), confusion_row(card), training_row(card)]
    assert [row for row in rows if row not in README] == []


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


def test_every_setting_is_described():
    assert [row for row in setting_rows() if row not in README] == []
    named = set(re.findall(r"DEEPFAKE_[A-Z_]+", README))
    assert named <= {variable_of(name) for name in Settings.model_fields}


def test_every_call_is_mentioned_or_in_the_document_it_names():
    paths = create_app(Settings()).spec["paths"]
    assert "/api/v1/openapi.json" in README
    for path in ("/api/v1/predictions", "/predict"):
        assert path in README
        assert path in paths


def test_every_link_into_the_repository_leads_somewhere():
    for target in re.findall(r"\]\(([^)#][^)]*)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_every_make_target_named_exists():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`make ([a-z-]+)", README) + re.findall(
        r"^make ([a-z-]+)", README, re.M
    ):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [ROOT / name for name in listed.split("\0") if name]


def test_no_file_names_a_registry_or_somebodys_home():
    lock = (ROOT / "webapp-frontend/package-lock.json").read_text()
    assert '"resolved"' not in lock
    for path in tracked_files():
        if path.suffix in {".keras", ".png", ".woff2"} or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")
        found = re.search(r"/home/\w+/|/Users/\w+/|index-url|\bfind-links\b", text)
        assert found is None or path == Path(__file__), f"{path}: {found}"


def test_nothing_large_or_generated_is_committed():
    for path in tracked_files():
        assert path.stat().st_size < 25_000_000, path
        assert not {"__pycache__", "node_modules", "dist", ".venv"} & set(path.parts), path
