"""Find images to learn from: a given folder, else the Kaggle set, else generated drawings.

>>> data = find_data(None, workspace=Path("detection-model/workspace"))
>>> data.folder, data.is_sample
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.panel import Panel

from deepfake_detection.training.dataset import SPLITS, DataError, find_dataset, read_split
from deepfake_detection.training.sample_data import BANNER, draw_portrait, make_sample_data

KAGGLE_SET = "manjilkarki/deepfake-and-real-images"
SAMPLE_NAME = "generated sample data"
PORTRAITS = 5


@dataclass(frozen=True)
class FoundData:
    """Images in the reference layout, and what to call them.

    Attributes:
        folder: As ``--data`` takes it.
        name: What a card calls the data.
        licence: What a card says of its licence.
        is_sample: Drawings: scores on them mean nothing.
        reason: Why the drawings are used.
    """

    folder: Path
    name: str
    licence: str = "unknown"
    is_sample: bool = False
    reason: str = ""

    def name_for(self, network: str) -> str:
        """Keep a network trained on drawings from taking the place of a real one."""
        return f"{network}-sample" if self.is_sample else network

    def describe(self) -> Panel:
        """Say what was found, in a frame that cannot be overlooked."""
        if self.is_sample:
            return Panel(f"{BANNER}\n\n{self.reason}", style="bold red", title="No real data")
        counts = ", ".join(f"{len(read_split(self.folder, s)):,} in {s}" for s in SPLITS)
        return Panel(f"{self.name}: {counts} images.", title="Data")


def find_data(given: Path | None, *, workspace: Path) -> FoundData:
    """Look for images, nearest first.

    Args:
        given: A folder that holds ``Dataset``; it must, if it is named.
        workspace: Its ``data`` folder is looked into next, then Kaggle is asked; failing both,
            drawings are written to ``data/sample``.

    Raises:
        DataError: If ``given`` holds no data set.
    """
    if given is not None:
        find_dataset(given)
        return FoundData(given, given.resolve().name)
    try:
        find_dataset(workspace / "data")
        return FoundData(workspace / "data", "workspace/data")
    except DataError:
        pass
    try:
        return _download()
    except Exception as error:  # kagglehub raises its own, requests' and the disk's
        sample = make_sample_data(workspace / "data" / "sample")
        reason = f"Kaggle could not be reached ({type(error).__name__}). {_ADVICE}"
        return FoundData(sample, SAMPLE_NAME, "MIT", is_sample=True, reason=reason)


_ADVICE = (
    f"Download https://www.kaggle.com/datasets/{KAGGLE_SET} yourself, unpack it and give its "
    "folder as DATA."
)


def _download() -> FoundData:
    """Fetch the reference's data set, or find it in kagglehub's cache: 140,002 training images."""
    import kagglehub

    folder = Path(kagglehub.dataset_download(KAGGLE_SET))
    find_dataset(folder)
    return FoundData(folder, f"Kaggle {KAGGLE_SET}")


def find_portraits(given: Path | None, *, workspace: Path) -> Path:
    """Return ``given``, or draw five portraits of each class into the workspace's sample data."""
    if given is not None:
        return given
    folder = workspace / "data" / "sample" / "portraits"
    for label, class_name in enumerate(("Real", "Fake")):
        (folder / class_name).mkdir(parents=True, exist_ok=True)
        for number in range(PORTRAITS):
            # The first number is one that no split of the sample data has.
            random = np.random.default_rng([len(SPLITS), label, number])
            portrait = draw_portrait(random, fake=bool(label))
            portrait.save(folder / class_name / f"{class_name.lower()}_{number}.png")
    return folder
