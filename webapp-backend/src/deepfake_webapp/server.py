"""gunicorn with our settings: listen, fork workers, run TensorBoard beside them."""

import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]

from deepfake_webapp import logs
from deepfake_webapp.settings import Settings, variable_of
from deepfake_webapp.tensorboard import supervise
from deepfake_webapp.worker import Worker

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - gunicorn makes its own file in it
# A supervisor that cannot start shall not be tried every second.
SUPERVISOR_PAUSE = 5.0

logger = logging.getLogger(__name__)


class CannotStart(Exception):
    """The server cannot run here; the message is one sentence."""


class CannotListen(CannotStart):
    """The address cannot be listened on; the message is one sentence."""


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C; does not return.

    Raises:
        CannotStart: If the address is taken or not allowed, or no temporary file can be written.
    """
    listener = listen(settings.host, settings.port)
    runtime = _runtime_folder()
    # Before prometheus_client is imported, which looks at it then.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(runtime)
    # ONNX Runtime reports to its makers unless this is set before it is imported.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    _Server(settings, listener, runtime).run()


def _runtime_folder() -> Path:
    """In shared memory, where a full disk is not felt, if there is any."""
    try:
        # For large uploads; found here, so that a worker started on a full disk does not search.
        tempfile.gettempdir()
        return Path(tempfile.mkdtemp(prefix="deepfake-webapp-", dir=_shared_memory()))
    except OSError as error:
        raise CannotStart(
            f"Cannot write to a temporary folder: {error.strerror}. In a container with a "
            "read-only root file system, add --tmpfs /tmp."
        ) from error


def _shared_memory() -> str | None:
    return str(_SHARED_MEMORY) if os.access(_SHARED_MEMORY, os.W_OK) else None


def listen(host: str, port: int) -> socket.socket:
    """Bind an address before anything is started.

    Raises:
        CannotListen: If that fails.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise CannotListen(
            f"Cannot listen on {host}, port {port}: {error.strerror}. Choose another port, for "
            f"example with `make run PORT={port + 1}` or {variable_of('port')}={port + 1}."
        ) from error
    return listener


class _Master(Arbiter):  # type: ignore[misc]  # gunicorn is untyped
    """Looks after TensorBoard's supervisor whenever it looks after the workers."""

    def manage_workers(self) -> None:
        """Replace what has ended; called every second."""
        super().manage_workers()
        self.app.keep_supervisor()


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn is untyped
    """Hands our settings to gunicorn and hooks into its life."""

    def __init__(self, settings: Settings, listener: socket.socket, runtime: Path) -> None:
        self.settings = settings
        host, port = listener.getsockname()[:2]
        self._address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        # gunicorn takes the file descriptor over and closes it.
        self._bind = f"fd://{listener.detach()}"
        self._runtime = runtime
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._supervisor_started = 0.0
        super().__init__()

    def run(self) -> None:
        """Serve; does not return."""
        _Master(self).run()

    def keep_supervisor(self) -> None:
        """Start TensorBoard's supervisor again if it has ended, after a pause."""
        if self._supervisor is None or self._supervisor.poll() is None:
            return
        if time.monotonic() > self._supervisor_started + SUPERVISOR_PAUSE:
            logger.warning("TensorBoard's supervisor has ended; starting it again")
            self._start_supervisor()

    def _start_supervisor(self) -> None:
        self._supervisor_started = time.monotonic()
        self._supervisor = supervise.start(self.settings.tensorboard_logs, self._status_file)

    def load_config(self) -> None:
        """Set what differs from gunicorn's defaults."""
        for name, value in {**self._options(), **self._hooks()}.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Build the application, in each worker: what it imports starts threads."""
        from deepfake_webapp.app import create_app

        return create_app(self.settings, tensorboard_status=self._status_file)

    def _options(self) -> dict[str, Any]:
        settings = self.settings
        return {
            "bind": self._bind,
            "workers": settings.workers,
            "worker_class": Worker,
            "threads": settings.worker_threads,
            "timeout": 60,
            "graceful_timeout": settings.shutdown_seconds,
            "keepalive": 15,
            "worker_tmp_dir": _shared_memory(),
            "logconfig_dict": logs.CONFIG,
            "control_socket_disable": True,
            # Proxies are the business of `trusted_proxies`; gunicorn would believe any on loopback.
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
        }

    def _hooks(self) -> dict[str, Callable[..., None]]:
        return {
            "when_ready": self._when_ready,
            "post_worker_init": self._post_worker_init,
            "child_exit": self._child_exit,
            "on_exit": self._on_exit,
        }

    @property
    def _status_file(self) -> Path:
        return self._runtime / "tensorboard.json"

    def _when_ready(self, _: Any) -> None:
        if self.settings.tensorboard_upstream is None:
            self._start_supervisor()
        print(f"Listening on {self._address} (Ctrl-C stops it)", file=sys.stderr, flush=True)

    def _post_worker_init(self, worker: Any) -> None:
        from deepfake_webapp import context, metrics

        metrics.reserve_room()
        context.of(worker.wsgi).registry.start()

    def _child_exit(self, _: Any, worker: Any) -> None:
        from deepfake_webapp import metrics

        metrics.forget_worker(worker.pid)

    def _on_exit(self, _: Any) -> None:
        if self._supervisor is not None:
            self._supervisor.terminate()
            self._supervisor.wait()
        shutil.rmtree(self._runtime, ignore_errors=True)
