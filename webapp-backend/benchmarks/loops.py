"""The work itself without HTTP: the bare loop, and the runtimes that could do the network's part.

Every measurement runs in a fresh process, so that none warms another's caches or adds to its
memory.
"""

import io
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray
from PIL import Image

from deepfake_detection.image import decode, to_pixels
from deepfake_detection.image.card import Card
from deepfake_detection.image.preprocess import scale
from deepfake_detection.inference import convert, default_cache

Score = Callable[[NDArray[np.float32]], NDArray[np.float32]]

WARM_UP = 10
RUNTIMES = {
    "Keras `predict`": ("keras", {}),
    "ONNX Runtime, 1 thread": ("onnx", {"threads": 1}),
    "ONNX Runtime, 2 threads": ("onnx", {"threads": 2}),
    "ONNX Runtime, 2 threads that spin": ("onnx", {"threads": 2, "spin": True}),
    "ONNX Runtime, 1 thread, no arena": ("onnx", {"threads": 1, "arena": False}),
    "OpenVINO, 1 thread": ("openvino", {"threads": 1}),
    "OpenVINO, 2 threads": ("openvino", {"threads": 2}),
}


def bare(network: Path, image: Path, seconds: float) -> dict[str, float]:
    """Judge one image over and over: p50 in ms on one core, images a second on all cores."""
    alone = _in_processes(1, _bare_loop, network, image, seconds)
    together = _in_processes(os.cpu_count() or 1, _bare_loop, network, image, seconds)
    return {
        "p50": statistics.median(alone[0]) * 1000,
        "throughput": sum(len(times) / sum(times) for times in together),
    }


def _bare_loop(network: Path, image: Path, seconds: float, start_at: float) -> list[float]:
    """Seconds of each turn of Pillow, NumPy and ONNX Runtime, none of our code among them."""
    card = Card.load(network.with_suffix(".json"))
    score = _onnx(convert(network, default_cache()), threads=1)
    size = (card.input.width, card.input.height)
    data = image.read_bytes()

    def turn() -> None:
        opened = Image.open(io.BytesIO(data))
        opened.draft("RGB", (2 * size[0], 2 * size[1]))
        resample = Image.Resampling[card.input.resize_filter.upper()]
        score(np.asarray(opened.resize(size, resample), np.float32)[np.newaxis] / 255)

    return _timed(turn, seconds, start_at)


def decoding(images: list[bytes], network: Path) -> dict[str, float]:
    """Full against reduced decoding of JPEGs: the ratio of times, the largest difference of scores.

    Both are decoded and resized to the network's input; the times are medians over the images.
    """
    spec = Card.load(network.with_suffix(".json")).input
    score = _onnx(convert(network, default_cache()), threads=1)
    times: dict[bool, list[float]] = {True: [], False: []}
    differences = []
    for image in images:
        scores = []
        for reduced in (True, False):
            at_least = (spec.width, spec.height) if reduced else None
            started = time.perf_counter()
            pixels = to_pixels(decode(image, at_least=at_least).pixels, spec)
            times[reduced].append(time.perf_counter() - started)
            scores.append(float(score(scale(pixels, spec)[np.newaxis])[0]))
        differences.append(abs(scores[0] - scores[1]))
    reduced_ms, full_ms = (statistics.median(times[key]) * 1000 for key in (True, False))
    return {
        "full_ms": full_ms,
        "reduced_ms": reduced_ms,
        "ratio": reduced_ms / full_ms,
        "largest_difference": max(differences),
        "images": len(images),
    }


def compare_runtimes(
    network: Path, images: list[bytes], seconds: float
) -> dict[str, dict[str, float]]:
    """Each runtime on one network: p50 in ms of one image, load time, memory, scores."""
    answers = {
        name: _in_processes(1, _runtime, network, images, seconds, kind, options)[0]
        for name, (kind, options) in RUNTIMES.items()
    }
    expected = answers["ONNX Runtime, 1 thread"]["scores"]
    for answer in answers.values():
        answer["largest_difference"] = float(np.abs(answer.pop("scores") - expected).max())
    return answers


def _runtime(
    network: Path,
    images: list[bytes],
    seconds: float,
    kind: str,
    options: dict[str, Any],
    start_at: float,
) -> dict[str, Any]:
    spec = Card.load(network.with_suffix(".json")).input
    batch = np.stack(
        [scale(to_pixels(decode(image).pixels, spec), spec) for image in images], dtype=np.float32
    )
    file = network if kind == "keras" else convert(network, default_cache())
    before, started = _pss(), time.perf_counter()
    score = {"keras": _keras, "onnx": _onnx, "openvino": _openvino}[kind](file, **options)
    scores = np.concatenate([score(image[np.newaxis]) for image in batch])
    load_seconds = time.perf_counter() - started
    times = _timed(lambda: score(batch[:1]), seconds, start_at)
    return {
        "p50": statistics.median(times) * 1000,
        "load_seconds": load_seconds,
        "memory_mb": _pss() - before,
        "scores": scores,
    }


def _onnx(file: Path, *, threads: int, spin: bool = False, arena: bool = True) -> Score:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = arena
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spin)))
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda pixels: session.run(None, {name: pixels})[0][:, 0]


def _openvino(file: Path, *, threads: int) -> Score:
    import openvino

    options = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    # float32 as the network was trained; OpenVINO would take bfloat16 where the processor has it.
    options["INFERENCE_PRECISION_HINT"] = "f32"
    compiled = openvino.Core().compile_model(str(file), "CPU", options)
    asked = compiled.create_infer_request()
    return lambda pixels: asked.infer([pixels], share_inputs=True)[0][:, 0].copy()


def _keras(file: Path) -> Score:
    import keras

    network = keras.models.load_model(file, compile=False)
    return lambda pixels: network.predict(pixels, verbose=0)[:, 0]


def _timed(turn: Callable[[], object], seconds: float, start_at: float) -> list[float]:
    for _ in range(WARM_UP):
        turn()
    time.sleep(max(0, start_at - time.time()))
    times: list[float] = []
    while sum(times) < seconds:
        started = time.perf_counter()
        turn()
        times.append(time.perf_counter() - started)
    return times


def _in_processes(count: int, function: Callable[..., Any], *arguments: object) -> list[Any]:
    """Run a function in fresh processes that begin to measure together."""
    start_at = time.time() + (3 if count > 1 else 0)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context) as pool:
        futures = [pool.submit(function, *arguments, start_at) for _ in range(count)]
        return [future.result() for future in futures]


def _pss() -> float:
    return float(psutil.Process().memory_full_info().pss) / 1e6
