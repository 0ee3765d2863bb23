"""A bounded queue before the network: an honest 503 instead of an endless wait."""

import contextlib
import threading
from collections.abc import Iterator

from deepfake_webapp import metrics
from deepfake_webapp.problems import BUSY, ProblemError


class ScoringQueue:
    """Lets ``slots`` requests of this process judge at a time and ``waiting`` more wait.

    Args:
        slots: Requests that judge at a time.
        waiting: Requests that may wait for a slot.
        patience: Seconds a request waits.
    """

    def __init__(self, slots: int, waiting: int, patience: float) -> None:
        self._admitted = threading.BoundedSemaphore(slots + waiting)
        self._slots = threading.BoundedSemaphore(slots)
        self._patience = patience

    @contextlib.contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one slot.

        Raises:
            ProblemError: 503 if too many wait already, or none came free in time.
        """
        with (
            _held(self._admitted, timeout=0),
            metrics.queued.track_inprogress(),
            _held(self._slots, timeout=self._patience),
        ):
            yield


@contextlib.contextmanager
def _held(semaphore: threading.Semaphore, timeout: float) -> Iterator[None]:
    if not semaphore.acquire(timeout=timeout):
        detail = "The server is judging as many images as it can. Try again in a moment."
        raise ProblemError(BUSY, detail, retry_after=2)
    try:
        yield
    finally:
        semaphore.release()
