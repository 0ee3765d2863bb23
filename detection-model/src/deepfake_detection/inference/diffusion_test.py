"""The diffusion test: does a network recognise generated portraits?

Five prompts of the reference system's document describe the portraits it was tried on; anyone
can have them drawn and put the images into a folder.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deepfake_detection.errors import UserError
from deepfake_detection.inference.judge import Judgement, judge
from deepfake_detection.inference.network import Network

PROMPTS = {
    "Man in a Formal Suit": (
        "A middle-aged man, about 35 years old, with short brown hair and a well-groomed beard. "
        "He is wearing a tailored dark blue suit with a light blue tie. His facial expression is "
        "friendly and confident, with blue eyes and a slight smile on his lips. The background is "
        "a blurred office environment."
    ),
    "Woman with Natural Makeup": (
        "A young woman, about 25 years old, with long, straight blonde hair and light brown eyes. "
        "She is wearing light, natural makeup that highlights her beauty. Her facial expression "
        "is friendly and relaxed, with a radiant smile. She is wearing a plain white T-shirt, and "
        "the background is a blurred park on a sunny day."
    ),
    "Man in Sportswear": (
        "A young man, about 28 years old, with short black hair and a muscular build. He is "
        "wearing a red sports T-shirt and black shorts. His facial expression is determined and "
        "focused, with brown eyes looking concentrated. The background shows a blurred stadium on "
        "a sunny day."
    ),
    "Woman in Casual Clothing": (
        "A middle-aged woman, about 40 years old, with shoulder-length, wavy brown hair and green "
        "eyes. She is wearing a plaid shirt and blue jeans. Her facial expression is warm and "
        "friendly, with a hint of curiosity. The background is a cozy living room with soft, warm "
        "colors."
    ),
    "Man with Distinct Features": (
        "An older man, about 50 years old, with short gray hair and a well-groomed full beard. "
        "His face is distinctive with deep wrinkles and sharp contours. He is wearing a dark gray "
        "T-shirt and a leather jacket. His facial expression is serious and contemplative, with "
        "deep gray eyes. The background is a blurred urban setting at dusk."
    ),
}
_CHUNK = 32


class PortraitsError(UserError):
    """A folder that cannot be tested; the message says what belongs into it."""


@dataclass(frozen=True)
class Portrait:
    """One image of the test.

    Attributes:
        is_fake: What it really is, by its folder.
        judgement: None if it cannot be read.
        problem: Why not.
    """

    path: Path
    is_fake: bool
    judgement: Judgement | None
    problem: str = ""

    @property
    def right(self) -> bool:
        """Whether it lies on its side of 0.5."""
        return (
            self.judgement is not None and (self.judgement.fake_probability > 0.5) == self.is_fake  # noqa: PLR2004
        )


def diffusion_test(network: Network, folder: Path) -> list[Portrait]:
    """Judge a folder of portraits: all fake, unless it has subfolders ``Fake`` and ``Real``.

    Raises:
        PortraitsError: If there are no files in it.
    """
    labelled = _list_portraits(folder)
    if not labelled:
        raise PortraitsError(
            f"No images in {folder}: put generated portraits there, or into {folder / 'Fake'} "
            f"with photographs in {folder / 'Real'}."
        )
    portraits: list[Portrait] = []
    for start in range(0, len(labelled), _CHUNK):
        portraits += _judge(network, labelled[start : start + _CHUNK])
    return portraits


def _list_portraits(folder: Path) -> list[tuple[Path, bool]]:
    parts = [(folder / "Fake", True), (folder / "Real", False)]
    present = [part for part in parts if part[0].is_dir()] or [(folder, True)]
    return [
        (path, is_fake)
        for part, is_fake in present
        for path in sorted(part.glob("*"))
        if path.is_file() and not path.name.startswith(".")
    ]


def _judge(network: Network, labelled: Sequence[tuple[Path, bool]]) -> list[Portrait]:
    outcomes = judge(network, [path for path, _ in labelled])
    return [
        Portrait(path, is_fake, outcome)
        if isinstance(outcome, Judgement)
        else Portrait(path, is_fake, None, str(outcome))
        for (path, is_fake), outcome in zip(labelled, outcomes, strict=True)
    ]
