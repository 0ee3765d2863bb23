"""The page's sample pictures are small, carry nothing else, and are those that the script makes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .tables import ROOT

SAMPLES = sorted((ROOT / "webapp-frontend/src/assets/samples").glob("*.jpg"))
PLAIN = {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_there_are_four_samples_with_their_thumbnails():
    names = {path.stem for path in SAMPLES}
    originals = {name for name in names if not name.endswith("-small")}
    assert len(originals) == 4
    assert names == originals | {f"{name}-small" for name in originals}


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_is_a_small_picture_without_metadata(path: Path):
    assert path.stat().st_size < (8_000 if path.stem.endswith("-small") else 60_000)
    with Image.open(path) as image:
        image.load()
        assert image.info.keys() <= PLAIN
        assert not image.getexif()


def test_the_script_makes_them_again(tmp_path: Path):
    script = ROOT / "scripts/make-samples.py"
    subprocess.run([sys.executable, script, tmp_path], check=True)
    for path in SAMPLES:
        # another libjpeg or processor may round another way
        assert np.abs(pixels(tmp_path / path.name) - pixels(path)).mean() < 1


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path), np.float32)
