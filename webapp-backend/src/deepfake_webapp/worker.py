"""gunicorn's worker of threads, kept from clients that are slow, and aware of those that left.

gunicorn waits for a request's first byte without a thread, but for every further one it would wait
for ever: some dozens of stalled uploads would hold all threads.
"""

import contextlib
import ctypes
import errno
import os
import select
import socket
import time
from collections.abc import Iterator
from typing import Any

from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

# What an upload must keep up after its first seconds; a poor mobile connection does.
BYTES_PER_SECOND = 25_000
# An answer is small, or a part of the page; nobody who wants it needs longer for one write.
SEND_SECONDS = 30
QUIET_SECONDS = 2
# glibc's M_ARENA_MAX, M_MMAP_THRESHOLD and M_TRIM_THRESHOLD; the latter two in bytes.
_MALLOC = ((-8, 1), (-3, 8_000_000), (-1, 8_000_000))


class ClientTooSlow(ConnectionResetError):
    """A client sends or takes less than it must; gunicorn drops it without a line in the log."""

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "The client is too slow.")


class ClientSocket(socket.socket):
    """A connection that ends with ``ClientTooSlow`` instead of blocking a thread for ever."""

    _deadline = float("inf")
    _bytes_per_second = float(BYTES_PER_SECOND)

    def begin_request(self, seconds: float) -> None:
        """Allow a request so many seconds, and more as its bytes come in."""
        self._deadline = time.monotonic() + seconds
        self._bytes_per_second = BYTES_PER_SECOND

    def end_request(self, seconds: float) -> None:
        """Allow what is left of a request so many seconds, however much comes in."""
        self._deadline = min(self._deadline, time.monotonic() + seconds)
        self._bytes_per_second = float("inf")

    def has_left(self) -> bool:
        """Whether the client closed its side, so that nobody waits for the answer."""
        poll = select.poll()
        poll.register(self, select.POLLIN)
        try:
            return bool(poll.poll(0)) and not super().recv(1, socket.MSG_PEEK)
        except OSError:  # reset
            return True

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Read what has come, within the request's time."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise ClientTooSlow
        with self._patience(left):
            data = super().recv(size, flags)
        self._deadline += len(data) / self._bytes_per_second
        return data

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Write all, within ``SEND_SECONDS``."""
        with self._patience(SEND_SECONDS):
            super().sendall(data, flags)

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Write a file, never waiting longer than ``SEND_SECONDS``."""
        with self._patience(SEND_SECONDS):
            return super().sendfile(file, offset, count)

    @contextlib.contextmanager
    def _patience(self, seconds: float) -> Iterator[None]:
        self.settimeout(seconds)
        try:
            yield
        except TimeoutError as error:
            raise ClientTooSlow from error


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn is untyped
    """Gives every connection a ``ClientSocket``, and memory back when nobody asks."""

    # Monotonic time of the last request since memory was given back; 0 if there was none.
    _last_request = 0.0

    def init_process(self) -> None:
        """Begin to work, after the fork."""
        _bound_memory()
        super().init_process()

    def enqueue_req(self, conn: Any) -> None:
        """Hand a connection to a thread."""
        if not isinstance(conn.sock, ClientSocket):
            conn.sock = ClientSocket(fileno=conn.sock.detach())
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """Answer one request."""
        self._last_request = time.monotonic()
        conn.sock.begin_request(self.app.settings.upload_seconds)
        return super().handle(conn)

    def notify(self) -> None:
        """Tell gunicorn about once a second that all is well."""
        super().notify()
        if self._last_request and time.monotonic() - self._last_request > QUIET_SECONDS:
            self._last_request = 0.0
            _give_memory_back()

    def handle_quit(self, sig: int, frame: Any) -> None:  # noqa: ARG002 - gunicorn's signature
        """End at once, on Ctrl-C: Python would wait for every thread, and those for clients."""
        os._exit(0)


def _bound_memory() -> None:
    """Have glibc keep one heap, not one a thread, and give back what large images took.

    A photograph of a megapixel still comes from the heap: fresh pages for each cost a tenth of a
    request.
    """
    with contextlib.suppress(AttributeError):  # another C library
        for parameter, value in _MALLOC:
            ctypes.CDLL(None).mallopt(parameter, value)


def _give_memory_back() -> None:
    """Have glibc return every free page, also those between others that are in use."""
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
