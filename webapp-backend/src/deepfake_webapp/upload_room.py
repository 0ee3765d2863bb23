"""How much of uploads one worker holds: they lie in /tmp, which may itself be memory."""

import threading
from typing import IO

from deepfake_webapp import metrics
from deepfake_webapp.problems import BUSY, ProblemError, drain


class UploadRoom:
    """Counts what all requests of this process have read of their uploads.

    Args:
        most: Bytes they may hold together.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._lock = threading.Lock()

    def check(self, size: int) -> None:
        """Find out before a body is read whether there is room for it.

        Raises:
            ProblemError: 503 if there is not.
        """
        if self._held + size > self._most:
            detail = "The server holds as many images as it has room for. Try again in a moment."
            raise ProblemError(BUSY, detail, retry_after=2)

    def take(self, size: int) -> None:
        """Hold so many bytes more.

        Raises:
            ProblemError: 503 if there is no room for them; none is then taken.
        """
        with self._lock:
            self.check(size)
            self._held += size
        metrics.upload_bytes.inc(size)

    def give_back(self, size: int) -> None:
        """Hold so many bytes less."""
        with self._lock:
            self._held -= size
        metrics.upload_bytes.dec(size)


class MeteredInput:
    """A request's body, which takes room as it is read.

    What has come counts, not what is declared: a few slow clients could else claim all of it.

    Args:
        raw: The body.
        room: Where room is taken.
    """

    def __init__(self, raw: IO[bytes], room: UploadRoom) -> None:
        self.raw = raw
        self._room = room
        self._taken = 0

    def read(self, size: int = -1) -> bytes:
        """Read on.

        Raises:
            ProblemError: 503 if there is no room for what was read.
        """
        data = self.raw.read(size)
        try:
            self._room.take(len(data))
        except ProblemError:
            drain()
            raise
        self._taken += len(data)
        return data

    def give_back(self) -> None:
        """Give all room back, once the request is done with."""
        self._room.give_back(self._taken)
        self._taken = 0
