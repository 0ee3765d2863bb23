"""Notebooks run as a reader runs them: in a kernel of their own, first cell to last."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import nbformat
import pytest
from nbclient import NotebookClient

from deepfake_detection.training.sample_data import make_sample_data

REPOSITORY = Path(__file__).parents[2]
NOTEBOOKS = REPOSITORY / "detection-model" / "notebooks"


class Execute(Protocol):
    def __call__(
        self, name: str, parameters: Mapping[str, object], *, until: str = ""
    ) -> nbformat.NotebookNode:
        """Run a notebook with other parameters, up to the cell that holds ``until``."""


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated data, as ``--data`` takes it."""
    sizes = {"Train": 48, "Validation": 16, "Test": 16}
    return make_sample_data(tmp_path_factory.mktemp("sample"), sizes)


@pytest.fixture
def execute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Execute:
    """Run one of our notebooks; it writes nothing outside ``tmp_path``."""
    monkeypatch.setenv("DEEPFAKE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))

    def run(
        name: str, parameters: Mapping[str, object], *, until: str = ""
    ) -> nbformat.NotebookNode:
        notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
        tagged = [
            position
            for position, cell in enumerate(notebook.cells)
            if "parameters" in cell.metadata.get("tags", [])
        ]
        (position,) = tagged
        source = "\n".join(f"{key} = {_literal(value)}" for key, value in parameters.items())
        notebook.cells.insert(position + 1, nbformat.v4.new_code_cell(source))
        if until:
            last = next(i for i, c in enumerate(notebook.cells) if until in c.source)
            del notebook.cells[last + 1 :]
        resources = {"metadata": {"path": str(tmp_path)}}
        NotebookClient(notebook, timeout=200, resources=resources).execute()
        return notebook

    return run


def text_of(notebook: nbformat.NotebookNode) -> str:
    """All that the cells printed or show as text."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    shown = [o.get("text") or o.get("data", {}).get("text/plain", "") for o in outputs]
    return "\n".join(shown)


def _literal(value: object) -> str:
    return f"Path({str(value)!r})" if isinstance(value, Path) else repr(value)
