"""One training run: what it was asked, which files keep its state, and what it leaves on record."""

import csv
import json
import re
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from deepfake_detection.errors import UserError
from deepfake_detection.image.card import NAME_PATTERN, Crop, EpochScores, TrainingRecord
from deepfake_detection.training.dataset import LabelledImage, count_by_source
from deepfake_detection.training.networks import RECIPES, Recipe, stage_starts
from deepfake_detection.training.precision import PRECISIONS

# What v4 can be trained without, to measure what each is worth.
INGREDIENTS = ("pretraining", "blends", "cross-blends", "degradations", "face-crops")


class RunError(UserError):
    """A training run that cannot start or go on; the message says what to do."""


@dataclass(frozen=True)
class Options:
    """What one training run is asked to do.

    Attributes:
        network: A key of ``RECIPES``.
        data: Folder that holds ``Dataset``.
        output: Folder that receives ``models/``, ``logs/`` and, if needed, ``cache/``.
        name: Of the exported network.
        epochs: Passes over the training images.
        batch_size: Images a step.
        seed: Of the initial weights, the order of the images and dropout.
        precision: One of ``PRECISIONS``; ``auto`` takes what the machine computes fastest.
        resume: Go on with the interrupted run of this name.
        distribute: Split each batch over all GPUs.
        data_name: What the card calls the data.
        data_licence: What the card says of the data's licence.
        photographs: Folder of more photographs of faces, for networks trained on pairs.
        leave_out: Sources of the manifest to train without, by how their names begin.
        without: Ingredients to train without, of ``INGREDIENTS``.
    """

    network: str
    data: Path
    output: Path
    name: str
    epochs: int
    batch_size: int
    seed: int = 1
    precision: str = "auto"
    resume: bool = False
    distribute: bool = False
    data_name: str = ""
    data_licence: str = "unknown"
    photographs: Path | None = None
    leave_out: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    @property
    def recipe(self) -> Recipe:
        """How the network is built and trained."""
        return RECIPES[self.network]

    @property
    def crop(self) -> Crop:
        """What of an image the network learns from, and shall judge."""
        return "whole" if "face-crops" in self.without else self.recipe.crop

    @property
    def stage_starts(self) -> list[int]:
        """The epochs that the stages of training begin at."""
        return stage_starts(self.recipe.stages, self.epochs)

    @property
    def command(self) -> str:
        """The command that repeats the run, for the card; ``DATA`` stands for the folder."""
        parts = [
            f"deepfake train {self.network} --data DATA --name {self.name} --epochs {self.epochs} "
            f"--batch-size {self.batch_size} --seed {self.seed} --precision {self.precision}",
            "--photographs PHOTOGRAPHS" if self.photographs else "",
            *(f"--leave-out {source}" for source in self.leave_out),
            *(f"--without {ingredient}" for ingredient in self.without),
        ]
        return " ".join(part for part in parts if part)

    def keeps(self, image: LabelledImage) -> bool:
        """Whether an image's source is one to train on."""
        return not image.source.startswith(self.leave_out)


def options_for(
    network: str,
    *,
    data: Path,
    output: Path,
    name: str | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    **others: Any,
) -> Options:
    """Complete what is left open by the network's recipe.

    Raises:
        RunError: If the network, the precision or an ingredient is unknown, if the network does
            not use what is given, or if the name is not one for a card.
    """
    if network not in RECIPES:
        raise RunError(f"There is no network {network}: choose one of {', '.join(RECIPES)}.")
    if others.get("precision", "auto") not in PRECISIONS:
        raise RunError(f"There is no such precision: choose one of {', '.join(PRECISIONS)}.")
    if unknown := set(others.get("without", ())) - set(INGREDIENTS):
        raise RunError(
            f"There is no ingredient {min(unknown)}: choose of {', '.join(INGREDIENTS)}."
        )
    recipe = RECIPES[network]
    if recipe.pair_epoch is None and (others.get("photographs") or others.get("without")):
        raise RunError(f"{network} is not trained on pairs: --photographs and --without are v4's.")
    options = Options(
        network=network,
        data=data,
        output=output,
        name=name or network,
        epochs=epochs or recipe.epochs,
        batch_size=batch_size or recipe.batch_size,
        **others,
    )
    if not re.fullmatch(NAME_PATTERN, options.name):
        raise RunError(
            f"A network cannot be called {options.name!r}: choose up to 64 letters, digits, dots, "
            "dashes and underscores, and begin with a letter or digit."
        )
    if recipe.pair_epoch is not None and options.batch_size % 2:
        raise RunError(f"{network} is trained on pairs: give --batch-size an even number.")
    return options


@dataclass(frozen=True)
class RunFiles:
    """Where one run keeps its state."""

    output: Path
    name: str

    @property
    def folder(self) -> Path:
        """State of the unfinished run; gone once the run is finished."""
        return self.output / "models" / f"{self.name}.run"

    @property
    def settings(self) -> Path:
        """Settings that a resumed run must share."""
        return self.folder / "settings.json"

    @property
    def history(self) -> Path:
        """One row an epoch."""
        return self.folder / "history.csv"

    @property
    def best(self) -> Path:
        """Weights of the epoch best on Validation."""
        return self.folder / "best.weights.h5"

    @property
    def backup(self) -> Path:
        """Weights and optimizer state after the last whole epoch."""
        return self.folder / "backup"

    @property
    def logs(self) -> Path:
        """TensorBoard's event files."""
        return self.output / "logs" / self.name

    @property
    def network(self) -> Path:
        """The exported network."""
        return self.output / "models" / f"{self.name}.keras"


def _settings(options: Options, precision: str) -> dict[str, str | int | list[int]]:
    """What a resumed run must share with the run it goes on with."""
    return {
        "network": options.network,
        "data": str(options.data.resolve()),
        "batch_size": options.batch_size,
        "seed": options.seed,
        "precision": precision,
        # Photographs, sources and ingredients; and where the learning rate falls, the epochs.
        "command": options.command if options.recipe.pair_epoch else "",
        **({"stages": options.stage_starts} if options.recipe.stages else {}),
    }


def check_run(files: RunFiles, options: Options, precision: str) -> None:
    """Refuse to overwrite an unfinished run, or to resume one that was started otherwise."""
    if not options.resume:
        if files.folder.exists():
            raise RunError(
                f"An unfinished run of {options.name} lies in {files.folder}. Add --resume to go "
                "on with it, give another --name, or delete the folder to start over."
            )
        return
    if not files.settings.is_file():
        raise RunError(f"There is no run to resume in {files.folder}. Leave out --resume.")
    started_with = json.loads(files.settings.read_text(encoding="utf-8"))
    for key, value in _settings(options, precision).items():
        if started_with.get(key) != value:
            raise RunError(
                f"The run in {files.folder} was started with {key} = {started_with.get(key)}, not "
                f"{value}. Resume it with the same settings, or give another --name."
            )


def start_run(files: RunFiles, options: Options, precision: str) -> None:
    """Make the run's folder; the logs of an earlier run of this name go."""
    shutil.rmtree(files.logs, ignore_errors=True)
    files.folder.mkdir(parents=True)
    files.settings.write_text(json.dumps(_settings(options, precision), indent=2), encoding="utf-8")


def epochs_done(files: RunFiles) -> int:
    """Return how many epochs Keras' backup holds: training goes on after them."""
    metadata = files.backup / "training_metadata.json"
    if not metadata.is_file():
        return 0
    return int(json.loads(metadata.read_text(encoding="utf-8"))["epoch"])


def cut_history(path: Path, epochs: int) -> list[dict[str, float]]:
    """Forget the epochs that were logged but not backed up; return the others."""
    if not path.is_file():
        return []
    # The row of an epoch is written before its backup, and may be torn.
    header_and_rows = path.read_text(encoding="utf-8").splitlines(keepends=True)[: 1 + epochs]
    path.write_text("".join(header_and_rows) if epochs else "", encoding="utf-8")
    return read_history(path)


def read_history(path: Path) -> list[dict[str, float]]:
    """Return the logged epochs in order."""
    with path.open(newline="", encoding="utf-8") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def of_last_stage(history: list[dict[str, float]], options: Options) -> list[dict[str, float]]:
    """Return the epochs of the last stage that has any: the one to keep is among them."""
    begun = (start for start in options.stage_starts if start < max(1, len(history)))
    return history[max(begun) :]


def training_record(
    files: RunFiles,
    options: Options,
    precision: str,
    training: list[LabelledImage],
    validation: list[LabelledImage],
) -> TrainingRecord:
    """Put together what the card says of how the weights came about."""
    rows = read_history(files.history)
    history = [
        EpochScores(
            epoch=int(row["epoch"]) + 1,
            **{key: row[key] for key in EpochScores.model_fields if key != "epoch"},
        )
        for row in rows
    ]
    return TrainingRecord(
        command=options.command,
        date=datetime.now(UTC).date().isoformat(),
        data=options.data_name or options.data.resolve().name,
        images={
            **{f"Train/{key}": n for key, n in count_by_source(training).items()},
            **{f"Validation/{key}": n for key, n in count_by_source(validation).items()},
        },
        epochs=len(history),
        best_epoch=int(max(of_last_stage(rows, options), key=lambda row: row["val_auc"])["epoch"])
        + 1,
        history=history,
        precision=precision,
        seed=options.seed,
        seconds=round(sum(row["seconds"] for row in rows), 1),
        versions={name: version(name) for name in ("tensorflow", "keras", "numpy", "pillow")},
    )
