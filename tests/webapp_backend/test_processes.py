"""Processes that die, disks that fill, folders that go away, all while requests come in."""

import concurrent.futures
import contextlib
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import requests
from PIL import Image

from tests.conftest import Server, eventually
from tests.networks import NetworkFactory
from tests.webapp_backend.conftest import encode, grey, slow_image

pytestmark = pytest.mark.slow

IMAGE = encode(grey(200, (900, 900)))
CUT = "connection cut"


@contextlib.contextmanager
def load(server: Server, clients: int = 8) -> Iterator[Counter[object]]:
    """Judge without end; counts the statuses of whole answers, and connections that were cut."""
    seen: Counter[object] = Counter()
    stop = threading.Event()

    def client() -> None:
        while not stop.is_set():
            try:
                answer = server.judge(IMAGE)
                answer.json()
                seen[answer.status_code] += 1
            except requests.ConnectionError:
                seen[CUT] += 1
                time.sleep(0.05)

    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        running = [pool.submit(client) for _ in range(clients)]
        try:
            yield seen
        finally:
            stop.set()
        for future in running:
            future.result()


def workers(server: Server) -> list[psutil.Process]:
    """The workers of a server without a TensorBoard of its own."""
    children = psutil.Process(server.process.pid).children()
    return [child for child in children if child.status() != psutil.STATUS_ZOMBIE]


def all_good(server: Server) -> bool:
    """Whether a run of answers, which meets both workers, is good."""
    try:
        return all(server.get("/readyz").ok and server.judge(IMAGE).ok for _ in range(6))
    except requests.ConnectionError:
        return False


def test_a_worker_killed_mid_request_cuts_its_own_requests_alone(
    start_tiny, networks: NetworkFactory
) -> None:
    networks("tiny")
    server = start_tiny()
    with load(server) as seen:
        assert eventually(lambda: seen[200] >= 20, 60)
        before = workers(server)
        before[0].kill()
        assert eventually(
            lambda: len(workers(server)) == 2 and before[0] not in workers(server), 10
        )
        assert eventually(lambda: all_good(server), 30)
        later = Counter(seen)
        assert eventually(lambda: seen[200] >= later[200] + 20, 60)
        assert seen[CUT] == later[CUT]
    # What the dead worker held or had accepted, and no more than one retry of each client.
    assert 0 < seen[CUT] <= 16
    assert set(seen) <= {200, CUT}
    assert eventually(lambda: "deepfake_queued_requests 0.0" in server.get("/metrics").text)


def test_sigterm_under_load_ends_every_answer_whole(
    start_tiny, networks: NetworkFactory, temporary: Path
) -> None:
    networks("tiny")
    server = start_tiny()
    family = psutil.Process(server.process.pid).children(recursive=True)
    with load(server) as seen:
        assert eventually(lambda: seen[200] >= 20, 60)
        assert server.stop() == 0
    # An answer that has begun is whole, or reading it as JSON would have failed.
    assert set(seen) <= {200, CUT}
    assert not list(temporary.iterdir())
    assert not psutil.wait_procs(family, timeout=5)[1]
    assert "Traceback" not in server.log.read_text() + server.errors.read_text()


def test_a_model_removed_under_load_and_put_back(start_tiny, networks: NetworkFactory) -> None:
    path = networks("tiny")
    content = path.read_bytes()
    server = start_tiny()
    with load(server, 4) as seen:
        assert eventually(lambda: seen[200] >= 20, 60)
        path.unlink()
        assert eventually(lambda: all(server.get("/readyz").status_code == 503 for _ in range(6)))
        refused = server.judge(IMAGE)
        assert refused.status_code == 503
        assert refused.json()["type"].endswith(":no-usable-model")
        assert server.get("/livez").ok
        path.write_bytes(content)
        assert eventually(lambda: all_good(server), 30)
    assert set(seen) == {200, 503}


def test_logs_that_cannot_be_read_leave_the_rest_working(
    networks: NetworkFactory, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    networks("tiny")
    logs = tmp_path / "logs"
    logs.mkdir()
    server = start_server(
        model_folder=networks.folder,
        cache=networks.cache,
        tensorboard_logs=logs,
        command_prefix=("setpriv", "--bounding-set=-all", "--inh-caps=-all"),
    )
    logs.chmod(0)
    try:
        assert eventually(lambda: all_good(server), 30)

        def shown() -> bool:
            answer = server.get("/tensorboard/data/runs")
            assert answer.status_code in (200, 503)
            return answer.status_code == 200 and answer.json() == []

        assert eventually(shown, 60)
        assert eventually(lambda: all_good(server), 30)
    finally:
        logs.chmod(0o700)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB, where one can be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no small disk can be mounted here: {error}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)  # noqa: S607


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    return filler


def noise() -> bytes:
    """An upload that is too large to be kept in memory."""
    pixels = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), np.uint8)
    return encode(Image.fromarray(pixels))


def test_a_full_disk_is_said_and_survived(
    start_tiny, networks: NetworkFactory, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks("tiny")
    monkeypatch.setenv("TMPDIR", str(small_disk))
    server = start_tiny()
    before = workers(server)
    large = noise()
    assert server.judge(large).status_code == 200
    filler = fill(small_disk)
    for _ in range(8):
        refused = server.judge(large)
        assert refused.status_code == 503, refused.text
        assert refused.json()["type"].endswith(":disk-full")
        assert refused.headers["Retry-After"]
        # What needs no disk is still done, and counted.
        assert server.judge(IMAGE).status_code == 200
        assert server.post("/predict").status_code == 400
        assert server.get("/nothing/of/this/kind.js").status_code == 404
        assert server.get("/readyz").ok
        assert server.get("/metrics").ok
    filler.unlink()
    assert server.judge(large).status_code == 200
    assert workers(server) == before
    assert not list(small_disk.iterdir())


def test_a_conversion_on_a_full_disk_is_tried_again_later(
    start_tiny, networks: NetworkFactory, small_disk: Path, keras_file: Callable[..., Path]
) -> None:
    networks("tiny")
    keras_file(networks.folder / "new.keras")
    filler = fill(small_disk)
    cache = small_disk
    for twin in networks.cache.iterdir():
        filler.unlink()
        (cache / twin.name).write_bytes(twin.read_bytes())
        filler = fill(small_disk)
    server = start_tiny(cache=cache)
    assert eventually(lambda: server.models()["new"]["state"] == "unusable", 90)
    assert eventually(lambda: all_good(server), 30)
    assert not list(cache.glob("*.refused"))
    # Each worker tries for itself, one after the other.
    assert eventually(lambda: not (cache / "conversion").exists(), 60)


def test_workers_do_not_outlive_a_killed_server(start_tiny, networks: NetworkFactory) -> None:
    networks("tiny")
    server = start_tiny()
    family = psutil.Process(server.process.pid).children(recursive=True)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(server.judge, slow_image()) for _ in range(2)]
        server.process.kill()
        for answer in answers:
            with contextlib.suppress(requests.ConnectionError):
                assert answer.result().status_code == 200
    assert not psutil.wait_procs(family, timeout=30)[1]
