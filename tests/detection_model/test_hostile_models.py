"""Files that try to make the converter run, read or write what is not theirs, or never end."""

import io
import json
import resource
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest

from deepfake_detection.image.card import sha256_of
from deepfake_detection.inference import UnusableModel, conversion, convert
from deepfake_detection.inference.conversion import REFUSED, _run_child
from deepfake_detection.training.confine import landlock_version

pytestmark = pytest.mark.slow
needs_landlock = pytest.mark.skipif(
    landlock_version() < 6, reason="this kernel's Landlock does not bound files, TCP and signals"
)

WEIGHTS = "model.weights.h5"
Parts = dict[str, bytes]


@pytest.fixture(scope="module")
def parts(keras_file: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """The members of a good file."""
    with zipfile.ZipFile(keras_file(tmp_path_factory.mktemp("good") / "good.keras")) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(path: Path, parts: Parts) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def refusal(path: Path, cache: Path) -> str:
    with pytest.raises(UnusableModel) as refused:
        convert(path, cache)
    assert not list(cache.glob("*.onnx"))
    assert not (cache / "conversion").exists()
    return str(refused.value)


def with_layer(parts: Parts, layer: dict[str, Any]) -> Parts:
    """Put a layer before the pooling of the good file."""
    config = json.loads(parts["config.json"])
    config["config"]["layers"].insert(1, {"registered_name": None, "build_config": {}, **layer})
    return parts | {"config.json": json.dumps(config).encode()}


def with_units(parts: Parts, units: int) -> Parts:
    config = json.loads(parts["config.json"])
    config["config"]["layers"][-1]["config"]["units"] = units
    return parts | {"config.json": json.dumps(config).encode()}


def with_size(parts: Parts, size: int) -> Parts:
    text = parts["config.json"].decode().replace("16, 16, 3", f"{size}, {size}, 3")
    assert str(size) in text
    return parts | {"config.json": text.encode()}


def with_kernel(parts: Parts, replace: Callable[[h5py.Group], None]) -> Parts:
    """Put something else in the place of the first weights."""
    buffer = io.BytesIO(parts[WEIGHTS])
    with h5py.File(buffer, "r+") as file:
        group = file["layers/dense/vars"]
        del group["0"]
        replace(group)
    return parts | {WEIGHTS: buffer.getvalue()}


CODE = {
    "Lambda": {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {
            "name": "l",
            "function": {"class_name": "__lambda__", "config": {"code": "4wEAAAA="}},
        },
    },
    "TFSMLayer": {
        "module": "keras.layers",
        "class_name": "TFSMLayer",
        "config": {"name": "t", "filepath": "saved", "call_endpoint": "serve"},
    },
    "system": {"module": "os", "class_name": "system", "config": {"command": "touch PROOF"}},
    "get_file": {
        "module": "keras.utils",
        "class_name": "get_file",
        "config": {"fname": "f", "origin": "http://127.0.0.1:9/f"},
    },
}


@pytest.mark.parametrize("name", CODE)
def test_code_is_refused_with_the_reason(parts: Parts, tmp_path: Path, name: str) -> None:
    path = pack(tmp_path / "code.keras", with_layer(parts, CODE[name]))
    reason = refusal(path, tmp_path / "cache")
    assert reason.startswith("Keras cannot load it")
    assert name in reason, reason
    assert not list(tmp_path.rglob("PROOF"))


def external_storage(group: h5py.Group) -> None:
    group.create_dataset("0", (3, 1), "f4", external=[("/etc/passwd", 0, 12)])


def external_link(group: h5py.Group) -> None:
    group["0"] = h5py.ExternalLink("/etc/other.h5", "/secret")


def virtual_data(group: h5py.Group) -> None:
    layout = h5py.VirtualLayout((3, 1), "f4")
    layout[:] = h5py.VirtualSource("/etc/other.h5", "secret", (3, 1))
    group.create_virtual_dataset("0", layout)


def gigantic_data(group: h5py.Group) -> None:
    group.create_dataset("0", (10**7, 10**7), "f4", chunks=(1000, 1000))


@pytest.mark.parametrize(
    ("replace", "why"),
    [
        (external_storage, "external"),
        (external_link, "ExternalLink"),
        (virtual_data, "virtual"),
        (gigantic_data, ""),
    ],
)
def test_weights_that_lie_elsewhere_or_are_gigantic_are_refused(
    parts: Parts, tmp_path: Path, replace: Callable[[h5py.Group], None], why: str
) -> None:
    path = pack(tmp_path / "weights.keras", with_kernel(parts, replace))
    assert why in refusal(path, tmp_path / "cache")


@pytest.mark.parametrize("units", [10**9, 10**15])
def test_gigantic_layers_are_refused(parts: Parts, tmp_path: Path, units: int) -> None:
    path = pack(tmp_path / "layers.keras", with_units(parts, units))
    assert refusal(path, tmp_path / "cache")


def test_gigantic_inputs_are_refused(parts: Parts, tmp_path: Path) -> None:
    path = pack(tmp_path / "inputs.keras", with_size(parts, 10**6))
    assert "input shape" in refusal(path, tmp_path / "cache")


def test_an_archive_that_inflates_is_refused(parts: Parts, tmp_path: Path) -> None:
    path = pack(tmp_path / "bomb.keras", parts | {WEIGHTS: bytes(1_000_000_000)})
    assert path.stat().st_size < 2_000_000
    assert refusal(path, tmp_path / "cache")


def test_a_symbolic_link_in_the_archive_leads_nowhere(parts: Parts, tmp_path: Path) -> None:
    secret = tmp_path / "secret.h5"
    secret.write_bytes(parts[WEIGHTS])
    path = pack(tmp_path / "link.keras", {n: c for n, c in parts.items() if n != WEIGHTS})
    link = zipfile.ZipInfo(WEIGHTS)
    link.create_system, link.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, str(secret))
    assert refusal(path, tmp_path / "cache")


CONFINED = """
import sys
from pathlib import Path
from deepfake_detection.training.confine import confine
keras_file, folder = map(Path, sys.argv[1:])
confine(memory=500_000_000, cpu_seconds=2, file_bytes=1000, reads=keras_file, writes=folder)
"""


def confined(tmp_path: Path, action: str) -> subprocess.CompletedProcess[str]:
    """Run a line in a process that is confined as the converter's child is."""
    own, folder = tmp_path / "own.keras", tmp_path / "folder"
    own.write_bytes(b"own")
    folder.mkdir()
    (tmp_path / "other.txt").write_text("other")
    code = CONFINED + action
    arguments = [sys.executable, "-c", code, str(own), str(folder)]
    return subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)


def test_a_confined_process_can_use_what_is_its_own(tmp_path: Path) -> None:
    ended = confined(tmp_path, "(folder / 'x').write_bytes(keras_file.read_bytes())")
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "folder" / "x").read_bytes() == b"own"


@pytest.mark.parametrize(
    ("action", "error"),
    [
        ("bytearray(1_000_000_000)", "MemoryError"),
        ("(folder / 'x').write_bytes(bytes(2000))", "File too large"),
    ],
)
def test_memory_and_written_files_are_bounded(tmp_path: Path, action: str, error: str) -> None:
    ended = confined(tmp_path, action)
    assert ended.returncode == 1
    assert error in ended.stderr


@needs_landlock
@pytest.mark.parametrize(
    ("action", "error"),
    [
        ("(keras_file.parent / 'other.txt').read_text()", "Permission denied"),
        ("(keras_file.parent / 'new.txt').write_text('x')", "Permission denied"),
        ("keras_file.write_text('x')", "Permission denied"),
        ("import os; os.kill(os.getppid(), 0)", "Operation not permitted"),
        ("import os; os.open('/dev/null', os.O_WRONLY)", "Permission denied"),
    ],
)
def test_a_confined_process_can_use_nothing_else(tmp_path: Path, action: str, error: str) -> None:
    ended = confined(tmp_path, action)
    assert ended.returncode == 1
    assert error in ended.stderr


@needs_landlock
def test_a_confined_process_reaches_no_address(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        connect = f"import socket; socket.create_connection(('127.0.0.1', {port}))"
        assert "Permission denied" in confined(tmp_path, connect).stderr


def test_a_confined_process_ends_after_its_time(tmp_path: Path) -> None:
    assert confined(tmp_path, "while True: pass").returncode < 0


def test_the_converters_child_is_confined_and_given_no_secret(
    tmp_path: Path, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    path = pack(tmp_path / "good.keras", parts)
    seen: dict[str, Any] = {}

    class Recorded(subprocess.Popen[bytes]):
        def __init__(self, arguments: list[str], **options: Any) -> None:
            seen.update(options, module=arguments[3])
            super().__init__(["true"], **options)

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    assert _run_child(path, tmp_path / "x.onnx", 2) == (0, "no message")
    assert seen["module"].endswith("confined_convert")
    assert "secret" not in str(seen["env"])


@pytest.fixture
def child_runs(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have a program of the test's own run instead of the converter."""
    popen = subprocess.Popen

    def run(code: str) -> None:
        def start(_: list[str], **options: Any) -> subprocess.Popen[bytes]:
            return popen([sys.executable, "-c", code], **options)

        monkeypatch.setattr(subprocess, "Popen", start)

    return run


@pytest.mark.parametrize("status", [1, REFUSED])
def test_a_converter_that_talks_a_lot_is_cut_short(
    child_runs: Callable[[str], None], tmp_path: Path, status: int
) -> None:
    child_runs(
        "import sys\n"
        "for _ in range(500): sys.stderr.write('x' * 100_000)\n"
        f"print('\\n' + 'reason ' * 100_000 + 'end', file=sys.stderr); sys.exit({status})"
    )
    path = tmp_path / "a.keras"
    path.write_bytes(b"any")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reason = refusal(path, tmp_path / "cache")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 20_000
    assert reason.endswith("reason end")
    assert len(reason) < 1100


@pytest.mark.parametrize("code", ["while True: print('x', file=sys.stderr)", "time.sleep(60)"])
def test_a_converter_that_does_not_end_is_ended(
    child_runs: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setattr(conversion, "TIMEOUT_SECONDS", 1)
    child_runs(f"import sys, time\n{code}")
    path = tmp_path / "a.keras"
    path.write_bytes(b"any")
    assert "more than" in refusal(path, tmp_path / "cache")


@pytest.mark.parametrize("status", [0, REFUSED])
def test_a_file_replaced_while_it_is_converted_is_not_taken_for_the_former(
    child_runs: Callable[[str], None], tmp_path: Path, status: int
) -> None:
    path, cache = tmp_path / "a.keras", tmp_path / "cache"
    path.write_bytes(b"one")
    twin = cache / "conversion" / f"{sha256_of(path)}-{conversion.CONVERTER_VERSION}.onnx"
    # Whoever waits for the lock may find another file than the one it asked about.
    child_runs(
        f"import pathlib, sys; pathlib.Path({str(path)!r}).write_bytes(b'two')\n"
        f"pathlib.Path({str(twin)!r}).write_bytes(b'converted'); sys.exit({status})"
    )
    assert "replaced" in refusal(path, cache)
    assert not list(cache.glob("*.refused"))


def test_a_good_file_passes(parts: Parts, tmp_path: Path) -> None:
    """Which the others are made of: what refuses them is what was changed."""
    twin = convert(pack(tmp_path / "good.keras", parts), tmp_path / "cache")
    assert twin.is_file()
    assert not (tmp_path / "cache" / "conversion").exists()


def test_what_a_killed_conversion_left_is_removed(parts: Parts, tmp_path: Path) -> None:
    left = tmp_path / "cache" / "conversion"
    left.mkdir(parents=True)
    (left / "half.onnx").write_bytes(b"half")
    convert(pack(tmp_path / "good.keras", parts), tmp_path / "cache")
    assert not left.exists()
