"""What the benchmark drives: servers, their memory, and wrk in front of them."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MODELS = ROOT / "webapp-backend" / "workspace" / "model"
START_SECONDS = 180


@dataclass(frozen=True)
class Load:
    """What wrk saw: latencies in milliseconds over every answer, and how many of which kind.

    Attributes:
        good: Answers 200.
        busy: Answers 503 with ``Retry-After``.
        bad: Anything else, broken connections and time-outs included.
    """

    seconds: float
    good: int
    busy: int
    bad: int
    p50: float
    p95: float
    p99: float

    @property
    def throughput(self) -> float:
        """Judged images a second."""
        return self.good / self.seconds


@dataclass(frozen=True)
class System:
    """A running server.

    Attributes:
        url: Where images are posted.
        start_seconds: From its start until it was ready.
    """

    url: str
    process: psutil.Process
    start_seconds: float

    def load(self, image: Path, clients: int, seconds: int) -> Load:
        """Let so many clients post an image, each as soon as it has its last answer."""
        command = [find_wrk(), "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "60s"]
        command += ["-s", str(HERE / "post.lua"), self.url, "--", str(image)]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return Load(**json.loads(printed.splitlines()[-1]))

    def pss(self) -> float:
        """Proportional memory of the process tree in MB, TensorBoard and conversion apart."""
        total = 0
        for process in [self.process, *self.process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                command = " ".join(process.cmdline())
                if "tensorboard" not in command and "training.confined_convert" not in command:
                    total += process.memory_full_info().pss
        return total / 1e6


def find_wrk() -> str:
    """The path of wrk; leaves with a sentence if there is none."""
    command = [ROOT / "scripts/find-wrk.sh"]
    found = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return found.stdout.split()[-1] if found.returncode == 0 else sys.exit(1)


@contextlib.contextmanager
def ours(**settings: object) -> Iterator[System]:
    """Our server with the bundled networks, as `make run` starts it; asked for no faces."""
    variables = {f"DEEPFAKE_{name.upper()}": str(value) for name, value in settings.items()}
    command = [sys.executable, "-m", "deepfake_webapp", "serve"]
    with _running(command, "/api/v1/predictions?faces=off", _free_port(), variables) as system:
        yield system


@contextlib.contextmanager
def reference(network: Path) -> Iterator[System]:
    """The server in the reference system's manner."""
    port = _free_port()
    command = [sys.executable, str(HERE / "reference_server.py"), str(network), str(port)]
    with _running(command, "/predict", port, {"CUDA_VISIBLE_DEVICES": "-1"}) as system:
        yield system


@contextlib.contextmanager
def _running(
    command: list[str], path: str, port: int, variables: dict[str, str]
) -> Iterator[System]:
    environment = os.environ | {"DEEPFAKE_PORT": str(port), "TF_CPP_MIN_LOG_LEVEL": "3"} | variables
    base = f"http://127.0.0.1:{port}"
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_until_ready(f"{base}/readyz", process)
        seconds = time.perf_counter() - started
        yield System(base + path, psutil.Process(process.pid), seconds)
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended with status {process.returncode}")
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - our own address
            return
        time.sleep(0.02)
    raise RuntimeError(f"{process.args} was not ready within {START_SECONDS} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
