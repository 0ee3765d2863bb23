"""Run TensorBoard and print its port, until the parent is gone.

    python -m deepfake_webapp.tensorboard.child LOG_FOLDER [HOST PORT]

Without HOST and PORT it takes a free port of 127.0.0.1.

It runs without TensorFlow, which TensorBoard would import for nothing: 0.4 GB and 3 s.
"""

import os
import sys
import time
import types
from urllib.parse import urlsplit

# TensorBoard's own switch for its build without TensorFlow: whether this module exists.
sys.modules["tensorboard.compat.notf"] = types.ModuleType("tensorboard.compat.notf")

from tensorboard import program  # noqa: E402 - after the switch


def main() -> None:
    """Run until the parent is gone."""
    parent = os.getppid()
    host, port = sys.argv[2:] or ("127.0.0.1", "0")
    server = program.TensorBoard()
    server.configure(
        [
            "tensorboard",
            f"--logdir={sys.argv[1]}",
            f"--host={host}",
            f"--port={port}",
            "--path_prefix=/tensorboard",
            "--load_fast=false",
            "--reload_interval=5",
        ]
    )
    print(urlsplit(server.launch()).port, flush=True)
    while os.getppid() == parent:
        time.sleep(0.5)


if __name__ == "__main__":
    main()
