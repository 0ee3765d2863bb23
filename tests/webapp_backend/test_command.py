"""The command: start, stop, settings, document."""

import concurrent.futures
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from deepfake_webapp.settings import Settings, variable_of
from tests.conftest import ROOT, Server, eventually
from tests.webapp_backend.conftest import encode, grey, slow_image


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deepfake_webapp", *arguments]
    return subprocess.run(
        command, env=os.environ | variables, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_busy_port_is_named_in_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run("serve", DEEPFAKE_PORT=str(port))
    assert ended.returncode == 1
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert f"port {port}" in line
    assert f"PORT={port + 1}" in line


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DEEPFAKE_PORT", "eighty"),
        ("DEEPFAKE_WORKERS", "0"),
        ("DEEPFAKE_METRICS", "everyone"),
        ("DEEPFAKE_TENSORBOARD_UPSTREAM", "not an address"),
    ],
)
def test_a_bad_setting_is_named_in_one_sentence(variable: str, value: str) -> None:
    ended = run("serve", **{variable: value})
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert variable in line
    assert value in line


def test_every_setting_is_described_and_listed() -> None:
    listed = run("settings").stdout
    for name, field in Settings.model_fields.items():
        assert field.description
        assert f"{variable_of(name)}=" in listed
        assert field.description in listed


def test_the_document_is_stable_and_the_servers(tiny: Server) -> None:
    printed = run("openapi", DEEPFAKE_MODEL_FOLDER="/nonexistent").stdout
    assert printed == run("openapi").stdout
    document = json.loads(printed)
    assert document == tiny.get("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert list(document) == sorted(document)


def test_the_document_the_page_is_built_on_is_current() -> None:
    kept = ROOT / "webapp-frontend" / "openapi.json"
    assert json.loads(kept.read_text()) == json.loads(run("openapi").stdout)


def test_the_master_imports_nothing_that_starts_threads() -> None:
    code = (
        "import sys, deepfake_webapp.server as s; print({'numpy', 'onnxruntime'} & {*sys.modules})"
    )
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "set()\n"


@pytest.mark.slow
def test_sigterm_lets_requests_in_flight_finish(start_tiny, networks) -> None:
    networks("tiny")
    server = start_tiny(scoring_slots=1)
    image = slow_image()
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = [pool.submit(server.judge, image) for _ in range(6)]
        eventually(lambda: "deepfake_queued_requests 6.0" in server.get("/metrics").text, 5)
        started = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - started < 12
        assert [answer.result().status_code for answer in answers] == [200] * 6
    assert "Traceback" not in server.log.read_text() + server.errors.read_text()


def figures_of(server: Server) -> set[Path]:
    """The files the workers count in."""
    family = psutil.Process(server.process.pid).children(recursive=True)
    mapped = (Path(file.path) for process in family for file in process.memory_maps())
    return {path for path in mapped if path.suffix == ".db"}


@pytest.mark.slow
def test_figures_have_their_room_from_the_start(start_tiny, networks) -> None:
    networks("tiny")
    files = figures_of(start_tiny())
    assert len(files) == 8, "two workers' counters, histograms and gauges of two kinds"
    for file in files:
        assert file.stat().st_blocks * 512 >= file.stat().st_size


@pytest.mark.slow
def test_stopping_leaves_nothing_behind(start_tiny, networks, temporary: Path) -> None:
    networks("tiny")
    server = start_tiny()
    runtime = {path.parent for path in figures_of(server)}
    assert runtime
    assert server.stop() == 0
    assert not [folder for folder in runtime if folder.exists()]
    assert not list(temporary.iterdir())
    assert server.errors.read_text().splitlines() == [
        f"Listening on {server.url} (Ctrl-C stops it)"
    ]


@pytest.mark.slow
def test_a_killed_worker_is_replaced(start_tiny, networks) -> None:
    networks("tiny")
    server = start_tiny()
    worker, *_ = psutil.Process(server.process.pid).children()
    worker.kill()

    def good() -> bool:
        try:
            return all(server.judge(encode(grey(1))).ok for _ in range(6))
        except OSError:
            return False

    assert eventually(good)
