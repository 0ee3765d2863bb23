"""What tests of several parts share: a real server, and networks to put into it.

Two kinds of networks: ``network_file`` writes one with its ONNX twin already in the cache, which
takes milliseconds; ``keras_file`` builds a real ``.keras`` file, which needs TensorFlow.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from deepfake_webapp.settings import Settings

ROOT = Path(__file__).parents[1]
BUNDLED = ROOT / "webapp-backend" / "workspace"
START_SECONDS = 120


@dataclass
class Server:
    """A running ``deepfake-webapp serve``."""

    url: str
    process: subprocess.Popen[bytes]
    folder: Path
    log: Path
    errors: Path
    settings: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(self.url + path, timeout=60, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return requests.post(self.url + path, timeout=60, **options)

    def judge(self, *images: bytes, **query: str) -> requests.Response:
        """Ask about whole images, since most of the tests' hold no face."""
        files = [("file", (f"{i}.img", image)) for i, image in enumerate(images)]
        return self.post("/api/v1/predictions", files=files, params={"faces": "off"} | query)

    def models(self) -> dict[str, dict[str, Any]]:
        return {model["name"]: model for model in self.get("/api/v1/models").json()["models"]}

    def metric(self, line: str) -> float:
        """The sum of all workers; 0 for what has not been counted yet."""
        for shown in self.get("/metrics").text.splitlines():
            if shown.startswith(line + " "):
                return float(shown.rpartition(" ")[2])
        return 0

    def opened(self, model: str) -> bool:
        """Whether every worker has opened this network; each does it for itself.

        One that is busy opening it accepts no connection, so a run of good answers proves nothing.
        """
        opened = self.metric(f'deepfake_model_loads_total{{model="{model}",outcome="ready"}}')
        return opened >= int(self.settings.get("DEEPFAKE_WORKERS", Settings().workers))

    def log_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def stop(self, seconds: float = 20) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


def eventually(check: Callable[[], Any], seconds: float = 15) -> Any:
    """The first true answer of ``check``; the last one if there is none in time."""
    deadline = time.monotonic() + seconds
    while not (answer := check()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return answer


@contextlib.contextmanager
def serving(
    folder: Path, *, ready: bool = True, command_prefix: Sequence[str] = (), **settings: object
) -> Iterator[Server]:
    """Run a server in ``folder``; settings are named as in ``Settings``."""
    log, errors = folder / "server.log", folder / "server.err"
    variables = {f"DEEPFAKE_{k.upper()}": str(v) for k, v in {"port": 0, **settings}.items()}
    inherited = {
        key: value
        for key, value in os.environ.items()
        if key == "DEEPFAKE_CACHE" or not key.startswith("DEEPFAKE_")
    }
    command = [*command_prefix, sys.executable, "-m", "deepfake_webapp", "serve"]
    with log.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen(
            command, env=inherited | variables, cwd=folder, stdout=out, stderr=err
        )
    try:
        url = eventually(lambda: _address(errors) or process.poll() is not None)
        assert isinstance(url, str), errors.read_text()
        server = Server(url, process, folder, log, errors, variables)
        if ready:
            assert eventually(lambda: _is_ready(server), START_SECONDS), server.log.read_text()
        yield server
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(errors: Path) -> str | None:
    for line in errors.read_text().splitlines():
        if line.startswith("Listening on "):
            return line.split()[2]
    return None


def _is_ready(server: Server) -> bool:
    try:
        models = server.models().values() if server.get("/readyz").ok else []
        return any(model["default"] and server.opened(model["name"]) for model in models)
    except requests.ConnectionError:
        return False


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server as ``make run`` starts it: bundled networks, logs and page."""
    assert list((BUNDLED / "model").glob("*.keras")), "no bundled network to serve"
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """A factory of servers with other settings; they stop with the test."""
    with contextlib.ExitStack() as stack:

        def start(*, ready: bool = True, **settings: Any) -> Server:
            folder = tmp_path / f"server-{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            return stack.enter_context(serving(folder, ready=ready, **settings))

        yield start


@pytest.fixture(scope="session")
def keras_file() -> Callable[..., Path]:
    """A factory of real ``.keras`` files with a tiny network in them; for slow tests."""

    def build(path: Path, *, bias: float = 0.0, size: int = 16) -> Path:
        import keras

        network = keras.Sequential(
            [
                keras.Input((size, size, 3)),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(1, activation="sigmoid"),
            ]
        )
        network.layers[-1].bias.assign([bias])
        partial = path.with_name(f".{path.name}.partial.keras")
        network.save(partial)
        partial.replace(path)
        return path

    return build
