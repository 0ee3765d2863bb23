"""Take from a process what a hostile file could use; nothing of it can be undone."""

import contextlib
import ctypes
import os
import resource
import signal
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
# Linux's numbers for Landlock's calls, the same on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1
_EXECUTE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 2, 1 << 3
# Rights over files that each version of Landlock knows: so many bits.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_LATER_FILE_RIGHTS = 16
_NETWORK_SINCE, _SCOPES_SINCE = 4, 6
_BIND_AND_CONNECT = 0b11
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11
_SYSTEM = ("/usr", "/lib", "/lib64", "/etc", "/proc", "/sys", "/dev")

_libc = ctypes.CDLL(None, use_errno=True)


def confine(*, memory: int, cpu_seconds: int, file_bytes: int, reads: Path, writes: Path) -> None:
    """Bound this process and its threads; call it before a library starts some.

    Args:
        memory: Bytes of private memory; a larger request fails.
        cpu_seconds: Processor time after which the kernel ends the process.
        file_bytes: Bytes of one file it writes.
        reads: The one file it may read beside the system's and Python's own.
        writes: The one folder it may write to.

    Files, TCP and signals are bounded where the kernel has Landlock (Linux 5.13, 6.7 and 6.12).

    Raises:
        OSError: If the kernel has Landlock and refuses.
    """
    # A library that starts a thread for each core would need memory by the machine's size.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-2:])
    for limit, most in {
        # Not of address space, of which threads reserve far more than they use.
        resource.RLIMIT_DATA: memory,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_CORE: 0,
    }.items():
        resource.setrlimit(limit, (most, most))
    # If memory runs out all the same, this process goes first.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    system = [Path(path) for path in (*_SYSTEM, sys.prefix, sys.base_prefix, *sys.path) if path]
    _restrict_files([*system, reads], writes)


def landlock_version() -> int:
    """The version of Landlock's interface that the kernel offers; 0 if it has none."""
    version: int = _libc.syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG)
    return max(0, version)


def _restrict_files(readable: Iterable[Path], writable: Path) -> None:
    version = landlock_version()
    if not version:
        return
    every = (1 << _FILE_RIGHTS.get(version, _LATER_FILE_RIGHTS)) - 1
    rules = struct.pack("=Q", every)
    if version >= _NETWORK_SINCE:
        rules += struct.pack("=Q", _BIND_AND_CONNECT)
    if version >= _SCOPES_SINCE:
        rules += struct.pack("=Q", _ABSTRACT_SOCKETS_AND_SIGNALS)
    ruleset = _checked(_libc.syscall(_CREATE_RULESET, rules, len(rules), 0))
    for path in readable:
        if path.is_dir():
            _allow(ruleset, path, _EXECUTE | _READ_FILE | _READ_DIR)
        elif path.exists():
            _allow(ruleset, path, _READ_FILE)
    _allow(ruleset, writable, every)
    _checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _checked(_libc.syscall(_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    rule = struct.pack("=Qi", rights, beneath)
    _checked(_libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0))
    os.close(beneath)


def _checked(result: int) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result
