"""How ONNX Runtime is set up, for every network alike."""

import functools
import threading
from pathlib import Path

import onnxruntime

_pool = threading.Lock()


def open_session(onnx_file: Path, threads: int) -> onnxruntime.InferenceSession:
    """Open a network on the CPU; safe to share between threads.

    Args:
        onnx_file: The network.
        threads: Of one call; 0 takes as many as there are cores.
    """
    with _pool:  # networks are opened by several threads
        _make_shared_pool()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle threads sleep instead of spinning: other requests need the cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.use_env_allocators", "1")
    return onnxruntime.InferenceSession(
        onnx_file, sess_options=options, providers=["CPUExecutionProvider"]
    )


@functools.cache
def _make_shared_pool() -> None:
    """Have all networks of this process compute in one pool of memory.

    Else each keeps what its largest batch took for as long as it is open: with four networks and
    two calls at a time some 50 MB more.
    """
    memory = onnxruntime.OrtMemoryInfo(
        "Cpu",
        onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR,
        0,
        onnxruntime.OrtMemType.DEFAULT,
    )
    onnxruntime.create_and_register_allocator(memory, None)
