"""What a person at the terminal is told on the way; on stderr, so that results can be piped."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import track

from deepfake_detection.training.dataset import SkippedFile

console = Console(stderr=True)

T = TypeVar("T")


def progress(items: Iterable[T], description: str, total: int | None = None) -> Iterable[T]:
    """Pass items through under a progress bar."""
    return track(items, description, total=total, console=console)


def report_skipped(files: Sequence[SkippedFile]) -> None:
    """Name each file left out, and why."""
    for file in files:
        console.print(f"Skipped {file.path}: {file.reason}", soft_wrap=True, markup=False)
