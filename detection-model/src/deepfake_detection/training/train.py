"""Train a network: labelled images in, ``NAME.keras`` and its card ``NAME.json`` out.

    deepfake train v3 --data detection-model/workspace/data

Whatever a run needs to go on after an interruption lies in ``models/NAME.run``.
"""

import contextlib
import csv
import json
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from deepfake_detection.errors import UserError
from deepfake_detection.image.card import EpochScores, TrainingRecord
from deepfake_detection.inference.conversion import default_cache
from deepfake_detection.training.calibrate import CalibrationError
from deepfake_detection.training.cards import calibrate_card
from deepfake_detection.training.dataset import count_by_source, read_split
from deepfake_detection.training.export import export
from deepfake_detection.training.networks import RECIPES, optimizer_variable_count
from deepfake_detection.training.pixels import DecodedSplit, batches, decode_split
from deepfake_detection.training.reporting import console

PRECISIONS = ("auto", "float32", "mixed_bfloat16", "mixed_float16")


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

    @property
    def command(self) -> str:
        """The command that repeats the run, for the card; ``DATA`` stands for the folder."""
        return (
            f"deepfake train {self.network} --data DATA --name {self.name} --epochs {self.epochs} "
            f"--batch-size {self.batch_size} --seed {self.seed} --precision {self.precision}"
        )


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
        RunError: If the network or the precision is unknown.
    """
    if network not in RECIPES:
        raise RunError(f"There is no network {network}: choose one of {', '.join(RECIPES)}.")
    if others.get("precision", "auto") not in PRECISIONS:
        raise RunError(f"There is no such precision: choose one of {', '.join(PRECISIONS)}.")
    recipe = RECIPES[network]
    return Options(
        network=network,
        data=data,
        output=output,
        name=name or network,
        epochs=epochs or recipe.epochs,
        batch_size=batch_size or recipe.batch_size,
        **others,
    )


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


def train(options: Options) -> Path:
    """Train, export and calibrate the epoch with the best Validation AUC; return the file.

    Ctrl-C stops early, still exports the best epoch so far, and leaves the run resumable.

    Raises:
        DataError: If the data cannot be used.
        RunError: If a run of this name is unfinished and ``resume`` is not set, if there is none
            to resume, or if it was started with other settings.
    """
    files = RunFiles(options.output, options.name)
    precision = resolve_precision(options.precision)
    strategy = _strategy(options)
    _check_run(files, options, precision)
    training, validation = _load(options, "Train"), _load(options, "Validation")
    if not options.resume:
        _start_run(files, options, precision)
    network = _build(options, precision, strategy)
    finished = _fit(network, training, validation, options, files)
    if not files.best.is_file():
        raise RunError("Stopped before the first epoch ended: there is nothing to export yet.")
    record = _record(files, options, precision, training, validation)
    path = export(
        RECIPES[options.network],
        files.best,
        files.network,
        record,
        optimizer_variables=optimizer_variable_count(network),
        data_licence=options.data_licence,
    )
    try:
        calibrate_card(path, options.data, default_cache())
    except CalibrationError as error:
        console.print(f"Not calibrated. {error}", style="yellow")
    if finished:
        shutil.rmtree(files.folder)
    else:
        console.print("Stopped early; the same command with --resume goes on.")
    return path


def resolve_precision(precision: str) -> str:
    """Turn ``auto`` into the policy that the machine computes natively."""
    if precision != "auto":
        return precision
    if tf.config.list_physical_devices("GPU"):
        return "mixed_float16"
    return "mixed_bfloat16" if _cpu_has_bfloat16() else "float32"


def _cpu_has_bfloat16() -> bool:
    try:
        return "avx512_bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False


def _settings(options: Options, precision: str) -> dict[str, str | int]:
    """What a resumed run must share with the run it goes on with."""
    return {
        "network": options.network,
        "data": str(options.data.resolve()),
        "batch_size": options.batch_size,
        "seed": options.seed,
        "precision": precision,
    }


def _check_run(files: RunFiles, options: Options, precision: str) -> None:
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


def _start_run(files: RunFiles, options: Options, precision: str) -> None:
    shutil.rmtree(files.logs, ignore_errors=True)
    files.folder.mkdir(parents=True)
    files.settings.write_text(json.dumps(_settings(options, precision), indent=2), encoding="utf-8")


def _load(options: Options, split: str) -> DecodedSplit:
    return decode_split(
        read_split(options.data, split),
        RECIPES[options.network].input,
        cache=options.output / "cache",
        description=f"Decoding {split}",
    )


def _build(options: Options, precision: str, strategy: tf.distribute.Strategy) -> keras.Model:
    recipe = RECIPES[options.network]
    keras.utils.set_random_seed(options.seed)
    with strategy.scope(), dtype_policy(precision):
        network = recipe.build()
        network.compile(
            optimizer=keras.optimizers.Adam(recipe.learning_rate),
            loss="binary_crossentropy",
            metrics=["accuracy", keras.metrics.AUC(name="auc")],
            # XLA is slower than tf.function on every CPU tried.
            jit_compile="auto" if tf.config.list_physical_devices("GPU") else False,
        )
    return network


def _strategy(options: Options) -> tf.distribute.Strategy:
    if not options.distribute:
        return tf.distribute.get_strategy()
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if options.batch_size % len(devices):
        raise RunError(
            f"A batch of {options.batch_size} cannot be shared equally by {len(devices)} devices: "
            f"give --batch-size a multiple of {len(devices)}."
        )
    return tf.distribute.MirroredStrategy([device.name for device in devices])


@contextlib.contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Build layers under a precision policy, and leave the process's own as it was."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _fit(
    network: keras.Model,
    training: DecodedSplit,
    validation: DecodedSplit,
    options: Options,
    files: RunFiles,
) -> bool:
    """Run the epochs that are left; False if Ctrl-C ended them."""
    spec = RECIPES[options.network].input
    history = read_history(files.history)
    # A resumed run draws from another seed, or it would repeat the first epochs' orders.
    order_seed = options.seed + len(history)
    # A device that gets no image of the last batch fails, so several share whole batches only.
    feed = partial(batches, spec=spec, batch_size=options.batch_size, whole_only=options.distribute)
    stop = _StopBetweenBatches()
    callbacks = [
        stop,
        _EpochClock(),
        keras.callbacks.CSVLogger(str(files.history), append=True),
        keras.callbacks.ModelCheckpoint(
            str(files.best),
            monitor="val_auc",
            mode="max",
            save_best_only=True,
            save_weights_only=True,
            initial_value_threshold=max((epoch["val_auc"] for epoch in history), default=None),
        ),
        keras.callbacks.BackupAndRestore(
            str(files.backup), double_checkpoint=True, delete_checkpoint=False
        ),
        keras.callbacks.TensorBoard(str(files.logs), write_graph=True, profile_batch=0),
    ]
    try:
        with stop.listening():
            network.fit(
                feed(training, shuffle_seed=order_seed),
                validation_data=feed(validation),
                epochs=options.epochs,
                callbacks=callbacks,
                shuffle=False,  # the pipeline does
                verbose=1 if console.is_terminal else 2,
            )
    except KeyboardInterrupt:
        return False
    return True


class _StopBetweenBatches(keras.callbacks.Callback):
    """Holds Ctrl-C back until a batch ends, so that it never cuts a checkpoint in half.

    A second Ctrl-C is not held back.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked = False

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Hold Ctrl-C back; outside the main thread there is none to hold."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self._ask)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _ask(self, *_: object) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        console.print("Stopping after this batch.")

    def _stop_if_asked(self, *_: object, **__: object) -> None:
        if self.asked:
            raise KeyboardInterrupt

    on_train_batch_end = _stop_if_asked
    on_test_batch_end = _stop_if_asked


class _EpochClock(keras.callbacks.Callback):
    """Adds ``seconds`` to each epoch's log."""

    def on_epoch_begin(self, *_: object, **__: object) -> None:
        self.started = time.monotonic()

    def on_epoch_end(self, _epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is not None:
            logs["seconds"] = time.monotonic() - self.started


def read_history(path: Path) -> list[dict[str, float]]:
    """Return the logged epochs in order; one that was run twice counts as it ran last."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    return list({row["epoch"]: row for row in rows}.values())


def _record(
    files: RunFiles,
    options: Options,
    precision: str,
    training: DecodedSplit,
    validation: DecodedSplit,
) -> TrainingRecord:
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
            **{f"Train/{key}": n for key, n in count_by_source(training.images).items()},
            **{f"Validation/{key}": n for key, n in count_by_source(validation.images).items()},
        },
        epochs=len(history),
        best_epoch=max(history, key=lambda epoch: epoch.val_auc).epoch,
        history=history,
        precision=precision,
        seed=options.seed,
        seconds=round(sum(row["seconds"] for row in rows), 1),
        versions={name: version(name) for name in ("tensorflow", "keras", "numpy", "pillow")},
    )
