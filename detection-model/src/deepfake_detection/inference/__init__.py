"""From an image to a verdict, on ONNX Runtime alone: importing this loads no TensorFlow."""

from deepfake_detection.inference.conversion import UnusableModel, convert, default_cache
from deepfake_detection.inference.judge import Judgement, Timings, judge
from deepfake_detection.inference.network import Network, Reading, load_network

__all__ = [
    "Judgement",
    "Network",
    "Reading",
    "Timings",
    "UnusableModel",
    "convert",
    "default_cache",
    "judge",
    "load_network",
]
