"""Trained once for the session: a small data set and a network that has learned it."""

from pathlib import Path

import pytest

from deepfake_detection.training.sample_data import make_sample_data


@pytest.fixture(scope="session")
def sample_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated data in the reference layout."""
    sizes = {"Train": 64, "Validation": 24, "Test": 24}
    return make_sample_data(tmp_path_factory.mktemp("data"), sizes)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of converted networks that is the tests' own."""
    return tmp_path_factory.mktemp("cache")
