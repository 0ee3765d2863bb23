"""Copy a finished network, its card and its logs to where the web application serves them."""

import shutil
from pathlib import Path

from deepfake_detection.errors import UserError


class PublishError(UserError):
    """Nothing to publish; the message says what to do."""


def publish(name: str, workspace: Path, served: Path) -> list[Path]:
    """Copy ``NAME`` from the training workspace into the served one.

    Args:
        name: Of the network, without ``.keras``.
        workspace: Training's, with ``models/`` and ``logs/``.
        served: The web application's, with ``model/`` and ``logs/tensorboard_logs/``.

    Returns:
        The files and folders written.

    Raises:
        PublishError: If the network or its card is missing.
    """
    network = workspace / "models" / f"{name}.keras"
    card = network.with_suffix(".json")
    if not network.is_file():
        raise PublishError(f"There is no {network}: train it first with `deepfake train {name}`.")
    if not card.is_file():
        raise PublishError(f"There is no {card}: write it with `deepfake card {network}`.")
    written = [_copy(file, served / "model") for file in (network, card)]
    logs = workspace / "logs" / name
    if logs.is_dir():
        target = served / "logs" / "tensorboard_logs" / name
        shutil.rmtree(target, ignore_errors=True)
        written.append(Path(shutil.copytree(logs, target)))
    return written


def _copy(file: Path, folder: Path) -> Path:
    """Copy whole or not at all: a running server watches the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{file.name}.partial"
    try:
        shutil.copyfile(file, partial)
        return partial.replace(folder / file.name)
    finally:
        partial.unlink(missing_ok=True)
