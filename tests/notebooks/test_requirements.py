"""The pip and Conda files name what the package declares, at the versions of the lock."""

import re
import tomllib
from itertools import chain

import pytest

from .conftest import REPOSITORY

FOLDER = REPOSITORY / "detection-model" / "requirements"


def _lines(name: str) -> list[str]:
    lines = (FOLDER / name).read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_each_declared_dependency_is_pinned_and_nothing_else() -> None:
    project = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    parts = (extras[extra] for extra in ("convert", "train", "notebook"))
    declared = chain(project["dependencies"], *parts)
    names = {re.split(r"[^\w-]", requirement)[0] for requirement in declared}

    pinned = {line.partition("==")[0] for line in _lines("requirements-cpu.txt")}
    assert pinned == names - {project["name"]}
    assert "jupyter" in pinned


def test_pins_are_those_of_the_lock() -> None:
    lock = (REPOSITORY / "locks" / "dev.txt").read_text("utf-8").splitlines()
    locked = {line.removesuffix(" \\") for line in lock}

    assert set(_lines("requirements-cpu.txt")) <= locked


def test_the_gpu_file_adds_cuda_alone() -> None:
    shared, tensorflow = _lines("requirements-gpu.txt")

    assert shared == "-r requirements-cpu.txt"
    assert tensorflow.replace("[and-cuda]", "") in _lines("requirements-cpu.txt")


@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_conda_installs_the_same(kind: str) -> None:
    text = (FOLDER / f"environment-{kind}.yml").read_text("utf-8")

    assert f"- -r requirements-{kind}.txt" in text
    assert re.search(r"- python=3\.1[123]$", text, re.MULTILINE)
