"""From an image to a verdict, on ONNX Runtime alone: importing this loads no TensorFlow."""

import os

# Read when ONNX Runtime is imported: without it a thread starts that collects telemetry, writes
# below the user's cache folder and does not survive a fork.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

from deepfake_detection.inference.conversion import UnusableModel, convert, default_cache
from deepfake_detection.inference.explain import HeatMap
from deepfake_detection.inference.judge import (
    BATCH,
    JudgedFace,
    Judgement,
    Reason,
    Timings,
    judge,
)
from deepfake_detection.inference.network import Network, Reading, load_network
from deepfake_detection.inference.picture import FaceSearch
from deepfake_detection.inference.second_look import SecondLook

__all__ = [
    "BATCH",
    "FaceSearch",
    "HeatMap",
    "JudgedFace",
    "Judgement",
    "Network",
    "Reading",
    "Reason",
    "SecondLook",
    "Timings",
    "UnusableModel",
    "convert",
    "default_cache",
    "judge",
    "load_network",
]
