"""Keep one TensorBoard running, and say in a small file where it is.

    python -m deepfake_webapp.tensorboard.supervise LOG_FOLDER STATUS_FILE

A process of its own, because the gunicorn master forks and must have no threads. It imports
nothing but the standard library, ends with its parent, and TensorBoard ends with it.
"""

import http.client
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

START_SECONDS = 60
LOOK_SECONDS = 0.25
CHECK_SECONDS = 10
CHECK_TIMEOUT = 10
MISSED_CHECKS = 3
FIRST_PAUSE = 0.5
LAST_PAUSE = 30.0
# After this long a run counts as good, and the next pause is short again.
GOOD_SECONDS = 60
# So many bad runs in a row are called unavailable rather than starting.
BAD_RUNS = 3


class ParentGone(Exception):
    """The server has ended."""


class Supervisor:
    """Runs TensorBoard again and again.

    Args:
        command: The child; it prints its port.
        status_file: Where the workers read the state.
    """

    def __init__(self, command: list[str], status_file: Path) -> None:
        self._command = command
        self._status_file = status_file
        self._parent = os.getppid()

    def run(self) -> None:
        """Keep the child running until the parent is gone."""
        bad_runs = 0
        while True:
            started = time.monotonic()
            self._say("unavailable" if bad_runs >= BAD_RUNS else "starting")
            self._run_once()
            bad_runs = 0 if time.monotonic() - started > GOOD_SECONDS else bad_runs + 1
            self._say("unavailable" if bad_runs >= BAD_RUNS else "starting")
            self._sleep(min(FIRST_PAUSE * 2**bad_runs, LAST_PAUSE))

    def _run_once(self) -> None:
        with subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True) as child:
            try:
                port = self._port(child)
                if port is not None:
                    self._say("ready", port)
                    self._watch(child, port)
            finally:
                child.kill()

    def _port(self, child: "subprocess.Popen[str]") -> int | None:
        """What the child prints once it listens; nothing if it ends or takes too long."""
        assert child.stdout is not None  # noqa: S101 - it is a pipe
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if select.select([child.stdout], [], [], LOOK_SECONDS)[0]:
                line = child.stdout.readline().strip()
                return int(line) if line.isdecimal() else None
            self._check_parent()
        return None

    def _watch(self, child: "subprocess.Popen[str]", port: int) -> None:
        """Return once the child has ended, or hangs."""
        missed = 0
        next_check = time.monotonic() + CHECK_SECONDS
        while child.poll() is None and missed < MISSED_CHECKS:
            self._sleep(LOOK_SECONDS)
            if time.monotonic() >= next_check:
                missed = 0 if _answers(port) else missed + 1
                next_check = time.monotonic() + CHECK_SECONDS

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while True:
            self._check_parent()
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, LOOK_SECONDS))

    def _check_parent(self) -> None:
        if os.getppid() != self._parent:
            raise ParentGone

    def _say(self, state: str, port: int | None = None) -> None:
        partial = self._status_file.with_suffix(".partial")
        partial.write_text(json.dumps({"state": state, "port": port}), encoding="utf-8")
        partial.replace(self._status_file)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=CHECK_TIMEOUT)
    try:
        connection.request("GET", "/tensorboard/data/environment")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def start(logs: Path, status_file: Path) -> "subprocess.Popen[bytes]":
    """Start a supervisor process; terminate it to stop TensorBoard."""
    arguments = [sys.executable, "-P", "-m", __name__, str(logs), str(status_file)]
    return subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def main() -> None:
    """Supervise until the parent is gone or ends us."""
    logs, status_file = sys.argv[1:]
    # Ctrl-C reaches the whole group; the server decides when this one stops.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    command = [sys.executable, "-P", "-m", "deepfake_webapp.tensorboard.child", logs]
    try:
        Supervisor(command, Path(status_file)).run()
    except (ParentGone, FileNotFoundError):  # a server that stops in order removes its folder
        shutil.rmtree(Path(status_file).parent, ignore_errors=True)


if __name__ == "__main__":
    main()
