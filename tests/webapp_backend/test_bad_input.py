"""What a machine or a container may lack: each is told in a sentence and in the state."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deepfake_detection.inference import conversion
from tests.conftest import eventually


def test_no_temporary_folder_is_one_sentence() -> None:
    code = (
        "import tempfile; tempfile.mkdtemp = lambda **_: open('/nonexistent/x');"
        "from deepfake_webapp.cli import run_server; run_server()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"DEEPFAKE_PORT": "0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.strip().endswith("add --tmpfs /tmp.")
    assert len(ended.stderr.splitlines()) == 1


def test_a_folder_taken_away_and_given_back_is_told(start_tiny, networks) -> None:
    networks("tiny")
    server = start_tiny()
    away = networks.folder.rename(networks.folder.with_name("away"))
    # Each worker looks at the folder for itself, so one can know it before the other.
    assert eventually(lambda: "cannot be read" in server.get("/readyz").json()["detail"])
    away.rename(networks.folder)
    assert eventually(lambda: server.get("/readyz").ok)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    file = tmp_path / "network.keras"
    file.write_bytes(b"some bytes")
    return file


def test_without_tensorflow_a_new_network_is_refused_with_the_reason(
    network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(conversion.UnusableModel, match="has no TensorFlow"):
        conversion.convert(network, tmp_path / "cache")


def test_a_cache_that_cannot_be_written_is_told(network: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(conversion.UnusableModel, match="cannot be written"):
        conversion.convert(network, tmp_path / "file" / "cache")


def test_a_conversion_killed_for_memory_is_told_and_not_remembered(
    network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = subprocess.Popen
    killed = ["sh", "-c", "kill -KILL $$"]
    monkeypatch.setattr(
        conversion.subprocess, "Popen", lambda _, **options: start(killed, **options)
    )
    cache = tmp_path / "cache"
    with pytest.raises(conversion.UnusableModel, match="memory ran out"):
        conversion.convert(network, cache)
    assert not list(cache.glob("*.refused"))
