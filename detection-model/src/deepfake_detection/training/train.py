"""Train a network: labelled images in, ``NAME.keras`` and its card ``NAME.json`` out.

    deepfake train v3 --data detection-model/workspace/data

Whatever a run needs to go on after an interruption lies in ``models/NAME.run``.
"""

import shutil
from pathlib import Path

import keras
import tensorflow as tf

from deepfake_detection.inference.conversion import default_cache
from deepfake_detection.training.calibrate import CalibrationError
from deepfake_detection.training.callbacks import BestOfStage, EpochClock, StopBetweenBatches
from deepfake_detection.training.cards import calibrate_card
from deepfake_detection.training.export import export
from deepfake_detection.training.feeds import Feed, make_feed
from deepfake_detection.training.networks import optimizer_variable_count
from deepfake_detection.training.precision import dtype_policy, resolve_precision
from deepfake_detection.training.reporting import console
from deepfake_detection.training.runs import (
    Options,
    RunError,
    RunFiles,
    check_run,
    cut_history,
    epochs_done,
    of_last_stage,
    start_run,
    training_record,
)

# What the weights to start from are fitted to.
START_BATCHES = 60


def train(options: Options) -> Path:
    """Train, export and calibrate the last stage's epoch of best Validation AUC; return the file.

    Ctrl-C stops early, still exports the best epoch so far, and leaves the run resumable.

    Raises:
        DataError: If the data cannot be used.
        RunError: If a run of this name is unfinished and ``resume`` is not set, if there is none
            to resume, or if it was started with other settings.
    """
    files = RunFiles(options.output, options.name)
    precision = resolve_precision(options.precision, bfloat16=options.recipe.bfloat16)
    strategy = _strategy(options)
    check_run(files, options, precision)
    done = epochs_done(files)
    feed = make_feed(options, done)
    if not options.resume:
        start_run(files, options, precision)
    history = cut_history(files.history, done)
    network = _build(options, precision, strategy, feed, fresh=done == 0)
    finished = _fit(network, feed, options, files, history)
    if not files.best.is_file():
        raise RunError("Stopped before the first epoch ended: there is nothing to export yet.")
    record = training_record(
        files, options, precision, feed.training_images, feed.validation_images
    )
    path = export(
        options.recipe,
        files.best,
        files.network,
        record,
        crop=options.crop,
        optimizer_variables=optimizer_variable_count(network),
        data_licence=options.data_licence,
    )
    try:
        calibrate_card(
            path,
            options.data,
            default_cache(),
            photographs=options.photographs,
            keep=options.keeps,
        )
    except CalibrationError as error:
        console.print(f"Not calibrated. {error}", style="yellow")
    if finished:
        shutil.rmtree(files.folder)
    else:
        console.print("Stopped early; the same command with --resume goes on.")
    return path


def _build(
    options: Options,
    precision: str,
    strategy: tf.distribute.Strategy,
    feed: Feed,
    *,
    fresh: bool,
) -> keras.Model:
    """Compile the network; a ``fresh`` one has no epoch behind it whose weights it could take."""
    keras.utils.set_random_seed(options.seed)
    with strategy.scope(), dtype_policy(precision):
        network = options.recipe.build()
        initialise = None if "pretraining" in options.without else options.recipe.initialise
        if initialise and fresh:
            console.print("Preparing the weights to start from.")
            initialise(network, (images for images, _ in feed.training.take(START_BATCHES)))
        network.compile(
            optimizer=options.recipe.optimizer(options.epochs, feed.steps or 0),
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


def _fit(
    network: keras.Model,
    feed: Feed,
    options: Options,
    files: RunFiles,
    history: list[dict[str, float]],
) -> bool:
    """Run the epochs that are left; False if Ctrl-C ended them."""
    stop = StopBetweenBatches()
    callbacks = [
        stop,
        EpochClock(),
        keras.callbacks.CSVLogger(str(files.history), append=True),
        BestOfStage(
            files.best,
            options.stage_starts,
            max((epoch["val_auc"] for epoch in of_last_stage(history, options)), default=None),
        ),
        keras.callbacks.BackupAndRestore(
            str(files.backup), double_checkpoint=True, delete_checkpoint=False
        ),
        keras.callbacks.TensorBoard(str(files.logs), write_graph=True, profile_batch=0),
    ]
    try:
        with stop.listening():
            network.fit(
                feed.training,
                validation_data=feed.validation,
                epochs=options.epochs,
                steps_per_epoch=feed.steps,
                callbacks=callbacks,
                shuffle=False,  # the pipeline does
                verbose=1 if console.is_terminal else 2,
            )
    except KeyboardInterrupt:
        return False
    return True
