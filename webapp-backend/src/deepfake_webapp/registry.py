"""The networks of the model folder, kept up to date while requests are answered.

Each worker has one registry. Its thread looks at the folder every other second; a new or replaced
file is loaded beside the requests and swapped in whole.
"""

import logging
import math
import os
import re
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from deepfake_detection.inference import Network, UnusableModel, default_cache, load_network
from deepfake_webapp import metrics
from deepfake_webapp.problems import MODEL_NOT_READY, NO_USABLE_MODEL, UNKNOWN_MODEL, ProblemError
from deepfake_webapp.settings import Settings

SCAN_SECONDS = 2.0
# A file counts as whole once it has not changed for this long.
SETTLE_SECONDS = 2.0
FIRST_RETRY_SECONDS = 60.0
LAST_RETRY_SECONDS = 3600.0
# A file that takes minutes to convert shall not hold up the others; each may cost 1 GB.
LOADS_AT_A_TIME = 2

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

# (inode, size, time of the last change) of the network and of its card, if it has one.
Fingerprint = tuple[tuple[int, int, int], ...]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """One ``.keras`` file.

    Attributes:
        name: The file's name without ``.keras``.
        network: What answers; the former one while its replacement is converted, or broken.
        reason: Why the file as it lies there is not used, or not as its card says.
        loading: Whether it is being copied, converted or opened.
        fingerprint: Of the files that the last attempt to load them saw.
        failures: How often loading these very files failed.
        retry_at: Monotonic time before which they are not tried again.
    """

    name: str
    network: Network | None = None
    reason: str | None = None
    loading: bool = False
    fingerprint: Fingerprint | None = None
    failures: int = 0
    retry_at: float = math.inf

    @property
    def state(self) -> Literal["ready", "converting", "unusable"]:
        """What the interface calls it."""
        if self.network is not None:
            return "ready"
        return "converting" if self.loading else "unusable"


class Registry:
    """The networks of one folder; safe to share between threads.

    Args:
        settings: Folder, cache, default network, flipped readings and threads.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._wake = threading.Event()
        # Never changed in place: a reader keeps the dictionary it took.
        self._entries: dict[str, Entry] = {}
        self._in_flight: set[str] = set()
        self._trouble = ""

    def start(self) -> None:
        """Watch the folder from now on; call it after the fork."""
        self.scan()
        threading.Thread(target=self._watch, name="model-folder", daemon=True).start()

    def entries(self) -> list[Entry]:
        """All files: the default network first, the others in natural order from the last."""
        default = self.default()
        entries = sorted(self._entries.values(), key=lambda e: _natural(e.name), reverse=True)
        return sorted(entries, key=lambda e: default is None or e.name != default.name)

    def default(self) -> Entry | None:
        """The network that answers when none is named; see ``Settings.default_model``."""
        entries = self._entries
        if self._settings.default_model:
            return entries.get(self._settings.default_model)
        ready = [entry for entry in entries.values() if entry.network]
        return max(ready, key=_preference, default=None)

    def find(self, name: str) -> Entry:
        """The file of that name.

        Raises:
            ProblemError: 404 if there is none.
        """
        entry = self._entries.get(name)
        if entry is None:
            raise ProblemError(UNKNOWN_MODEL, f"There is no model named {name!r}.")
        return entry

    def choose(self, name: str | None) -> tuple[str, Network]:
        """The network to judge with, and its name.

        Raises:
            ProblemError: 404 if the one named does not exist, 503 if none can answer.
        """
        entry = self.default() if name is None else self.find(name)
        if entry is not None and entry.network is not None:
            return entry.name, entry.network
        candidates = list(self._entries.values()) if entry is None else [entry]
        if any(candidate.loading for candidate in candidates):
            detail = "The model is being converted, which takes some 20 seconds."
            raise ProblemError(MODEL_NOT_READY, detail, retry_after=5)
        raise ProblemError(NO_USABLE_MODEL, self._why_none(entry), retry_after=60)

    def _why_none(self, entry: Entry | None) -> str:
        if entry is not None:
            return f"The model {entry.name!r} cannot be used: {entry.reason}"
        if self._settings.default_model:
            return f"The default model {self._settings.default_model!r} is not in the model folder."
        if self._entries:
            return "No file in the model folder can be used; the list of models says why."
        return self._trouble

    def scan(self) -> None:
        """Look at the folder once: forget what is gone, begin to load what is new."""
        files = {_printable(path.stem): path for path in self._files()}
        with self._lock:
            self._entries = {name: e for name, e in self._entries.items() if name in files}
            for name in sorted(files, key=_natural, reverse=True):
                if name not in self._in_flight:
                    self._look_at(name, files[name])

    def _files(self) -> list[Path]:
        try:
            files = [p for p in self._settings.model_folder.iterdir() if p.suffix == ".keras"]
        except OSError as error:
            self._note_trouble(f"The model folder cannot be read: {error.strerror}.")
            return []
        self._note_trouble("" if files else "The model folder holds no .keras file.")
        return files

    def _note_trouble(self, trouble: str) -> None:
        """Keep what is wrong with the folder; log it when it begins, not at every look."""
        if trouble and trouble != self._trouble:
            logger.warning(trouble)
        self._trouble = trouble

    def _look_at(self, name: str, path: Path) -> None:
        entry = self._entries.get(name, Entry(name))
        try:
            fingerprint = _inspect(name, path)
        except (UnusableModel, OSError) as error:
            self._put(replace(entry, loading=False, reason=_reason(error), fingerprint=None))
            return
        if fingerprint == entry.fingerprint and time.monotonic() < entry.retry_at:
            return
        entry = replace(entry, loading=True)
        self._put(entry)
        if _settled(fingerprint) and len(self._in_flight) < LOADS_AT_A_TIME:
            self._in_flight.add(name)
            arguments = (path, entry, fingerprint)
            threading.Thread(target=self._load, args=arguments, name=name, daemon=True).start()

    def _load(self, path: Path, entry: Entry, fingerprint: Fingerprint) -> None:
        failures = entry.failures if fingerprint == entry.fingerprint else 0
        loaded = replace(entry, loading=False, fingerprint=fingerprint)
        try:
            network = self._open(entry.name, path)
            loaded = replace(loaded, network=network, reason=network.note or None, failures=0)
            metrics.model_loads.labels(entry.name, "ready").inc()
            logger.info("model %s: ready", entry.name)
        except Exception as error:  # whatever a hostile file provokes; it is listed and logged
            pause = min(FIRST_RETRY_SECONDS * 2**failures, LAST_RETRY_SECONDS)
            retry_at = time.monotonic() + pause
            reason = _reason(error)
            loaded = replace(loaded, reason=reason, failures=failures + 1, retry_at=retry_at)
            metrics.model_loads.labels(entry.name, "unusable").inc()
            logger.warning("model %s: %s", entry.name, reason, exc_info=_unforeseen(error))
        with self._lock:
            self._in_flight.discard(entry.name)
            if entry.name in self._entries:
                self._put(loaded)
        self._wake.set()

    def _open(self, name: str, path: Path) -> Network:
        return load_network(
            path,
            self._settings.cache or default_cache(),
            threads=self._settings.onnx_threads,
            flip=name in self._settings.flip_models,
        )

    def _put(self, entry: Entry) -> None:
        self._entries = {**self._entries, entry.name: entry}

    def _watch(self) -> None:
        while True:
            self._wake.wait(SCAN_SECONDS)
            self._wake.clear()
            try:
                self.scan()
            except Exception:  # the next look may succeed; without this there would be none
                logger.exception("looking at the model folder failed")


def _inspect(name: str, path: Path) -> Fingerprint:
    """Check what can be checked without opening a file, and take its fingerprint."""
    if not _NAME.fullmatch(name):
        raise UnusableModel(
            "Its name may have up to 64 letters, digits, dots, dashes and underscores, and "
            "begins with a letter or digit."
        )
    files = [path, path.with_suffix(".json")]
    for file in files:
        if not file.resolve().is_relative_to(path.parent.resolve()):
            raise UnusableModel(f"{file.name} is a link out of the model folder.")
    if not path.is_file():
        raise UnusableModel("It is not a file.")
    stats = [file.stat() for file in files if file.is_file()]
    return tuple((stat.st_ino, stat.st_size, stat.st_ctime_ns) for stat in stats)


def _settled(fingerprint: Fingerprint) -> bool:
    """Whether nothing was written lately; unlike mtime, ctime cannot be preset by a copy."""
    age = time.time() - max(changed for _, _, changed in fingerprint) / 1e9
    return not 0 <= age < SETTLE_SECONDS


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"It cannot be read: {error.strerror}."
    if isinstance(error, UnusableModel):
        return str(error)
    return f"It cannot be opened ({type(error).__name__}); the server's log says more."


def _unforeseen(error: Exception) -> Exception | None:
    return None if isinstance(error, UnusableModel | OSError) else error


def _printable(name: str) -> str:
    """A file name as text; bytes that are no UTF-8 become replacement characters."""
    return os.fsencode(name).decode("utf-8", "replace")


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort key that puts v10 after v9."""
    return [
        (int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)
    ]


def _preference(entry: Entry) -> tuple[bool, list[tuple[int, str]]]:
    proven = entry.network is not None and entry.network.reading.proven
    return proven, _natural(entry.name)
