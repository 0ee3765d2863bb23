"""Data is found nearest first, and drawings never pass for data."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Never

import pytest
from rich.console import Console

from deepfake_detection.training import find_data as module
from deepfake_detection.training.dataset import DataError
from deepfake_detection.training.find_data import find_data, find_portraits
from deepfake_detection.training.sample_data import BANNER


@pytest.fixture
def kaggle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Kaggle that has the set and gives it out."""
    (tmp_path / "kaggle/Dataset/Train").mkdir(parents=True)

    def download(handle: str) -> str:
        assert handle == module.KAGGLE_SET
        return str(tmp_path / "kaggle")

    monkeypatch.setitem(sys.modules, "kagglehub", SimpleNamespace(dataset_download=download))
    return tmp_path / "kaggle"


@pytest.fixture
def no_kaggle(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_handle: str) -> Never:
        raise ConnectionError("no route")

    monkeypatch.setitem(sys.modules, "kagglehub", SimpleNamespace(dataset_download=refuse))
    monkeypatch.setattr(module, "make_sample_data", lambda folder: folder)


@pytest.mark.usefixtures("kaggle")
def test_a_given_folder_comes_first(tmp_path: Path) -> None:
    (tmp_path / "mine/Dataset/Train").mkdir(parents=True)
    (tmp_path / "workspace/data/Dataset/Train").mkdir(parents=True)

    found = find_data(tmp_path / "mine", workspace=tmp_path / "workspace")

    assert (found.folder, found.name, found.is_sample) == (tmp_path / "mine", "mine", False)


@pytest.mark.usefixtures("kaggle")
def test_a_given_folder_without_data_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No data set in"):
        find_data(tmp_path, workspace=tmp_path)


@pytest.mark.usefixtures("kaggle")
def test_then_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "workspace/data/Dataset/Train").mkdir(parents=True)

    found = find_data(None, workspace=tmp_path / "workspace")

    assert found.folder == tmp_path / "workspace/data"


def test_then_kaggle(kaggle: Path, tmp_path: Path) -> None:
    found = find_data(None, workspace=tmp_path / "workspace")

    assert found.folder == kaggle
    assert module.KAGGLE_SET in found.name
    assert found.name_for("v1") == "v1"


@pytest.mark.usefixtures("no_kaggle")
def test_drawings_come_last_and_say_so(tmp_path: Path) -> None:
    found = find_data(None, workspace=tmp_path)

    console = Console(width=200)
    with console.capture() as shown:
        console.print(found.describe())
    assert found.is_sample
    assert BANNER in shown.get()
    assert "ConnectionError" in shown.get()
    assert found.name_for("v1") == "v1-sample"


def test_portraits_of_both_classes_are_drawn(tmp_path: Path) -> None:
    folder = find_portraits(None, workspace=tmp_path)

    assert len(list((folder / "Fake").iterdir())) == len(list((folder / "Real").iterdir())) == 5
    assert find_portraits(tmp_path, workspace=tmp_path) == tmp_path
