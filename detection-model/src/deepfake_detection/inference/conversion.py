"""Find or make the ONNX twin of a ``.keras`` file.

The file is untrusted and TensorFlow is heavy, so a child process does the work
(``deepfake_detection.training.confined_convert``); results are kept by the file's hash.
"""

import contextlib
import fcntl
import importlib.util
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from deepfake_detection.errors import UserError
from deepfake_detection.image.card import sha256_of

# Part of the cache key: raise it whenever the converter writes something else.
CONVERTER_VERSION = 3
TIMEOUT_SECONDS = 300
MAX_MODEL_BYTES = 500_000_000
# The child's exit status for a file that will never convert.
REFUSED = 3
# Of the environment, the child gets no more: no proxy, no credential.
_PASSED_ON = ("LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH")
# Bytes of the end of what the child says: a reason goes into the list of models.
_MOST_SAID = 1000
_TOO_LONG = f"Converting took more than {TIMEOUT_SECONDS} s."


class UnusableModel(UserError):
    """A ``.keras`` file that cannot be served; the message is the reason."""


def default_cache() -> Path:
    """``$DEEPFAKE_CACHE``, else a folder in the user's cache."""
    if configured := os.environ.get("DEEPFAKE_CACHE"):
        return Path(configured)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ml-deepfake-detection"


def convert(keras_file: Path, cache: Path) -> Path:
    """Return the ONNX twin, converting on first sight, once however many processes ask.

    Takes some 10 s and 1 GB in the child for a new file, and a hash of the file afterwards.

    Raises:
        UnusableModel: If the file cannot be converted, with the reason; remembered by its hash.
        OSError: If the file cannot be read.
    """
    cache = cache.absolute()
    size = keras_file.stat().st_size
    if size > MAX_MODEL_BYTES:
        raise UnusableModel(
            f"The file has {size / 1e6:.0f} MB; the limit is {MAX_MODEL_BYTES / 1e6:.0f} MB."
        )
    twin = cache / f"{sha256_of(keras_file)}-{CONVERTER_VERSION}.onnx"
    refusal = twin.with_suffix(".refused")
    if not twin.is_file() and not refusal.is_file():
        _check_can_convert(cache)
        # One at a time: several new files at once would take a gigabyte each.
        with _locked(cache / "conversion.lock") as lock:
            if not twin.is_file() and not refusal.is_file():
                _convert_in_child(keras_file, twin, refusal, lock)
    if refusal.is_file():
        raise UnusableModel(refusal.read_text(encoding="utf-8"))
    return twin


def hash_in_name(twin: Path) -> str:
    """Return the SHA-256 of the ``.keras`` file that ``convert`` made or found ``twin`` for."""
    return twin.stem.removesuffix(f"-{CONVERTER_VERSION}")


def _check_can_convert(cache: Path) -> None:
    """Make the cache; refuse where a conversion could only fail."""
    if importlib.util.find_spec("tensorflow") is None:
        raise UnusableModel(
            "This installation has no TensorFlow, so it opens networks converted elsewhere alone: "
            "run `deepfake convert` there and copy its cache here."
        )
    with contextlib.suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True)
    if not os.access(cache, os.W_OK):
        raise UnusableModel(
            f"The folder for converted networks, {cache}, cannot be written; DEEPFAKE_CACHE names "
            "another."
        )


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Hold an exclusive lock between processes, given as its file descriptor.

    The kernel frees it when the last process that holds the descriptor ends.
    """
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def _convert_in_child(keras_file: Path, twin: Path, refusal: Path, lock: int) -> None:
    with _workshop(twin.parent) as folder:
        status, last_line = _run_child(keras_file, folder / twin.name, lock)
        # The lock may have been waited for, and the child takes its time too.
        if sha256_of(keras_file) != hash_in_name(twin):
            raise UnusableModel("The file was replaced while it was converted. Try again.")
        if status == 0:
            (folder / twin.name).replace(twin)
            return
    if status == REFUSED:
        partial = refusal.with_suffix(".partial")
        partial.write_text(last_line, encoding="utf-8")
        partial.replace(refusal)
        return
    # May work another time, so it is not remembered.
    if status == -signal.SIGKILL:
        raise UnusableModel(
            "Converting was killed, most likely because memory ran out; it takes 1 to 2 GB."
        )
    if status == -signal.SIGXCPU:
        raise UnusableModel(_TOO_LONG)
    raise UnusableModel(f"Converting failed (exit {status}): {last_line}")


@contextlib.contextmanager
def _workshop(cache: Path) -> Iterator[Path]:
    """The one folder the child may write to; whoever holds the lock finds it empty."""
    folder = cache / "conversion"
    shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run_child(keras_file: Path, onnx_file: Path, lock: int) -> tuple[int, str]:
    """Its exit status, and the last line it wrote to standard error.

    Raises:
        UnusableModel: If it takes too long.
    """
    module = "deepfake_detection.training.confined_convert"
    arguments = [sys.executable, "-P", "-m", module, str(keras_file.resolve()), str(onnx_file)]
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment |= {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment |= dict.fromkeys(("HOME", "TMPDIR"), str(onnx_file.parent))
    with subprocess.Popen(
        arguments,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        # If this process is killed, nobody starts another child before this one has ended.
        pass_fds=(lock,),
    ) as child:
        try:
            return _awaited(child, time.monotonic() + TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise UnusableModel(_TOO_LONG) from error
        finally:
            child.kill()


def _awaited(child: subprocess.Popen[bytes], deadline: float) -> tuple[int, str]:
    """Wait for the child, keeping the end of what it says: it may say anything, for ever.

    Raises:
        subprocess.TimeoutExpired: If it is not done by the deadline.
    """
    assert child.stderr is not None  # noqa: S101 - it is a pipe
    poll = select.poll()
    poll.register(child.stderr)
    said = b""
    while (left := deadline - time.monotonic()) > 0 and poll.poll(1000 * left):
        if not (more := os.read(child.stderr.fileno(), 65_536)):
            break
        said = (said + more)[-_MOST_SAID:]
    lines = said.decode("utf-8", "replace").split("\n")
    last_line = next((line.strip() for line in reversed(lines) if line.strip()), "no message")
    return child.wait(max(0, deadline - time.monotonic())), last_line
