"""What happens between the batches and epochs of a training run."""

import contextlib
import math
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras

from deepfake_detection.training.reporting import console


class StopBetweenBatches(keras.callbacks.Callback):
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


class BestOfStage(keras.callbacks.ModelCheckpoint):
    """Keeps the weights of the best epoch of the stage of training that is under way.

    A later stage teaches what Validation does not ask for, so it does not have to beat an earlier
    one there.
    """

    def __init__(self, path: Path, stage_starts: Sequence[int], best: float | None) -> None:
        """Keep them in ``path``; ``best`` is the best Validation AUC of a stage gone on with."""
        super().__init__(
            str(path),
            monitor="val_auc",
            mode="max",
            save_best_only=True,
            save_weights_only=True,
            initial_value_threshold=best,
        )
        self._stage_starts = stage_starts

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Forget the best of the stage before."""
        super().on_epoch_begin(epoch, logs)
        if epoch in self._stage_starts:
            self.best = -math.inf


class EpochClock(keras.callbacks.Callback):
    """Adds ``seconds`` to each epoch's log."""

    def on_epoch_begin(self, *_: object, **__: object) -> None:
        """Start the clock."""
        self.started = time.monotonic()

    def on_epoch_end(self, _epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write down the time."""
        if logs is not None:
            logs["seconds"] = time.monotonic() - self.started
