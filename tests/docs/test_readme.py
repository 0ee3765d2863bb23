"""The README says what the code does."""

import re
import subprocess
from pathlib import Path

import pytest

from deepfake_webapp.app import create_app
from deepfake_webapp.settings import Settings, variable_of

from .tables import CARDS, DOCUMENTS, ROOT, tables, with_tables

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_there_are_cards_to_compare_with():
    assert {card.name for card in CARDS} >= {"v1", "v2", "v3", "v4"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_table_is_the_one_that_the_code_makes(document: Path):
    text = document.read_text(encoding="utf-8")
    assert with_tables(text) == text, "run `make readme`"


def test_every_table_has_its_place():
    places = [
        name for path in DOCUMENTS for name in re.findall(r"<!-- (\w+) -->", path.read_text())
    ]
    assert sorted(places) == sorted(tables())


def test_every_variable_named_is_a_setting():
    named = set(re.findall(r"DEEPFAKE_[A-Z_]+", README))
    assert named <= {variable_of(name) for name in Settings.model_fields}


def test_every_call_is_mentioned_or_in_the_document_it_names():
    paths = create_app(Settings()).spec["paths"]
    assert "/api/v1/openapi.json" in README
    for path in ("/api/v1/predictions", "/api/v1/inspections", "/predict"):
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
