"""A bounded queue before the network: an honest 503 instead of an endless wait."""

import contextlib
import threading
from collections.abc import Callable, Iterator

from deepfake_webapp import metrics
from deepfake_webapp.problems import BUSY, CLIENT_LEFT, ProblemError


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

    def check_room(self) -> None:
        """Find out before a body is read whether its request could wait.

        Raises:
            ProblemError: 503 if too many wait already.
        """
        with _held(self._admitted, timeout=0):
            pass

    @contextlib.contextmanager
    def slot(self, has_left: Callable[[], bool]) -> Iterator[None]:
        """Hold one slot.

        Args:
            has_left: Whether the client is gone, asked when its turn has come.

        Raises:
            ProblemError: 503 if too many wait already, or none came free in time; 499 if nobody
                waits for the answer.
        """
        with (
            _held(self._admitted, timeout=0),
            metrics.queued.track_inprogress(),
            _held(self._slots, timeout=self._patience),
        ):
            if has_left():
                raise ProblemError(CLIENT_LEFT, "The client closed the connection.")
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
