"""Convert one untrusted ``.keras`` file in a process that can do little harm and not for long.

    python -m deepfake_detection.training.confined_convert NAME.keras FOLDER/NAME.onnx

It writes to that folder alone; exit status and output are those of ``convert``.
"""

import sys
from pathlib import Path

from deepfake_detection.inference.conversion import TIMEOUT_SECONDS
from deepfake_detection.training.confine import confine

# TensorFlow takes some 0.9 GB, and each byte of weights up to 51 while it is converted: 1.4 GB for
# a file of 16 MB, 4.4 GB for one of 68 MB.
MEMORY_BYTES = 1_500_000_000
MEMORY_PER_BYTE = 60
# ONNX's own limit of one file is 2 GB.
FILE_BYTES = 2_000_000_000


def main() -> None:
    """Confine this process, then convert."""
    keras_file, onnx_file = map(Path, sys.argv[1:])
    confine(
        memory=MEMORY_BYTES + MEMORY_PER_BYTE * keras_file.stat().st_size,
        cpu_seconds=TIMEOUT_SECONDS,
        file_bytes=FILE_BYTES,
        reads=keras_file,
        writes=onnx_file.parent,
    )
    # Not earlier: threads that run already are not confined.
    from deepfake_detection.training import convert

    convert.main()


if __name__ == "__main__":
    main()
