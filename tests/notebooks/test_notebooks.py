"""What is committed: twins that agree, no outputs, one address for all badges."""

import re
import tomllib
from pathlib import Path

import jupytext
import nbformat
import pytest
from jupytext.config import load_jupytext_config

from .conftest import NOTEBOOKS, REPOSITORY

NAMES = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
ADDRESS = tomllib.loads((REPOSITORY / "detection-model/pyproject.toml").read_text("utf-8"))[
    "project"
]["urls"]["Repository"]


@pytest.fixture(params=NAMES)
def path(request: pytest.FixtureRequest) -> Path:
    return NOTEBOOKS / f"{request.param}.ipynb"


def test_the_notebooks_are_there() -> None:
    assert {"train_v1", "train_v2", "train_v3", "train_v4", "compare_models"} <= set(NAMES)
    assert sorted(p.stem for p in NOTEBOOKS.glob("*.py")) == NAMES


def test_twins_agree(path: Path) -> None:
    notebook = jupytext.read(path)
    config = load_jupytext_config(str(path))
    twin = path.with_suffix(".py").read_text("utf-8")

    assert jupytext.writes(notebook, "py:percent", config=config) == twin, (
        "run `jupytext --sync *.ipynb` in detection-model/notebooks"
    )


def test_no_outputs_are_committed(path: Path) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def test_prose_precedes_code(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    kinds = "".join("C" if cell.cell_type == "code" else "m" for cell in cells)
    # At most a figure after its table goes without.
    assert kinds.startswith("m")
    assert "CCC" not in kinds
    assert kinds.count("CC") <= 1


def test_no_path_of_one_machine(path: Path) -> None:
    source = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    assert not re.search(r"(?<![\w.:/])/(home|Users|work|tmp|root|content)/|[A-Z]:\\", source)


def test_badge_and_install_line_name_the_one_address(path: Path) -> None:
    source = path.read_text("utf-8")
    slug = ADDRESS.removeprefix("https://github.com/")
    relative = path.relative_to(REPOSITORY).as_posix()

    assert f"https://colab.research.google.com/github/{slug}/blob/main/{relative})" in source
    assert f"deepfake-detection[notebook] @ git+{ADDRESS}#subdirectory=detection-model" in source


def test_the_readme_has_every_badge() -> None:
    slug = ADDRESS.removeprefix("https://github.com/")
    readme = (REPOSITORY / "README.md").read_text("utf-8")
    for name in NAMES:
        assert f"/github/{slug}/blob/main/detection-model/notebooks/{name}.ipynb)" in readme


@pytest.mark.parametrize(
    "document",
    [*NOTEBOOKS.glob("*.ipynb"), REPOSITORY / "README.md"],
    ids=lambda document: document.name,
)
def test_no_other_address_is_named(document: Path) -> None:
    text = document.read_text("utf-8")
    named = re.findall(r"colab\.research\.google\.com/github/([\w.-]+/[\w.-]+)", text)
    named += re.findall(r"git\+https://github\.com/([\w.-]+/[\w-]+)", text)
    named += re.findall(r"git clone [^\n]*?https://github\.com/([\w.-]+/[\w-]+)", text)
    assert set(named) == {ADDRESS.removeprefix("https://github.com/")}
