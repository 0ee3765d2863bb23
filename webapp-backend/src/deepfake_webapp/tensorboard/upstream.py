"""Where TensorBoard is, as the workers see it."""

import json
from pathlib import Path
from typing import Protocol

import urllib3

from deepfake_webapp.schemas import TensorBoardStatus

_PROBE = "/tensorboard/data/environment"
_DETAILS = {
    "ready": "TensorBoard answers.",
    "starting": "TensorBoard is starting, which takes a few seconds.",
    "unavailable": "TensorBoard keeps failing; the server's log says why. It is tried again.",
}


class Upstream(Protocol):
    """A TensorBoard that runs with ``--path_prefix=/tensorboard``."""

    def status(self) -> TensorBoardStatus:
        """Say whether it answers."""

    def pool(self) -> urllib3.HTTPConnectionPool | None:
        """Connections to it; None while it is not known to run."""


class OwnTensorBoard:
    """The one that the supervisor keeps running.

    Args:
        status_file: Which the supervisor writes; None if there is no supervisor.
    """

    def __init__(self, status_file: Path | None) -> None:
        self._status_file = status_file
        self._pool: urllib3.HTTPConnectionPool | None = None

    def status(self) -> TensorBoardStatus:
        """Say whether it answers."""
        if self._status_file is None:
            detail = "This server was started without TensorBoard."
            return TensorBoardStatus(state="unavailable", detail=detail)
        state, _ = self._read()
        return TensorBoardStatus.model_validate({"state": state, "detail": _DETAILS[state]})

    def pool(self) -> urllib3.HTTPConnectionPool | None:
        """Connections to it; None while it is not known to run."""
        _, port = self._read()
        pool = self._pool
        if port is None:
            return None
        if pool is None or pool.port != port:
            self._pool = pool = urllib3.HTTPConnectionPool("127.0.0.1", port, maxsize=8)
        return pool

    def _read(self) -> tuple[str, int | None]:
        try:
            if self._status_file is None:
                return "unavailable", None
            status = json.loads(self._status_file.read_bytes())
        except OSError:
            return "starting", None
        return status["state"], status["port"]


class ExternalTensorBoard:
    """One that somebody else keeps running.

    Args:
        address: Its scheme, host and port.
    """

    def __init__(self, address: str) -> None:
        self._pool = urllib3.connection_from_url(address, maxsize=8)

    def status(self) -> TensorBoardStatus:
        """Ask it."""
        try:
            answer = self._pool.request("GET", _PROBE, timeout=2, retries=False, redirect=False)
        except urllib3.exceptions.HTTPError:
            return TensorBoardStatus(state="starting", detail="TensorBoard does not answer yet.")
        if answer.status != 200:  # noqa: PLR2004 - OK
            detail = "What answers for TensorBoard is not one with --path_prefix=/tensorboard."
            return TensorBoardStatus(state="unavailable", detail=detail)
        return TensorBoardStatus(state="ready", detail=_DETAILS["ready"])

    def pool(self) -> urllib3.HTTPConnectionPool:
        """Connections to it."""
        return self._pool
