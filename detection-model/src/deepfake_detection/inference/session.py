"""How ONNX Runtime is set up, for every network alike."""

from pathlib import Path

import onnxruntime


def open_session(onnx_file: Path, threads: int) -> onnxruntime.InferenceSession:
    """Open a network on the CPU; safe to share between threads.

    Args:
        onnx_file: The network.
        threads: Of one call; 0 takes as many as there are cores.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle threads sleep instead of spinning: other requests need the cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        onnx_file, sess_options=options, providers=["CPUExecutionProvider"]
    )
