"""Which number format to train in."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import keras
import tensorflow as tf

PRECISIONS = ("auto", "float32", "mixed_bfloat16", "mixed_float16")


def resolve_precision(precision: str, *, bfloat16: bool = True) -> str:
    """Turn ``auto`` into the policy that the machine computes fastest.

    ``bfloat16`` says whether a processor that has it trains the network faster so.
    """
    if precision != "auto":
        return precision
    if tf.config.list_physical_devices("GPU"):
        return "mixed_float16"
    return "mixed_bfloat16" if bfloat16 and _cpu_has_bfloat16() else "float32"


def _cpu_has_bfloat16() -> bool:
    try:
        return "avx512_bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False


@contextlib.contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Build layers under a precision policy, and leave the process's own as it was."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
