"""What is counted; with several workers the values live in files that all of them share."""

import logging
import os
from pathlib import Path

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

# Read by prometheus_client when it is first imported.
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

logger = logging.getLogger(__name__)

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

requests = Counter(
    "deepfake_requests", "Requests answered.", labelnames=["method", "route", "status"]
)
request_seconds = Histogram(
    "deepfake_request_seconds", "Time to an answer.", labelnames=["route"], buckets=_SECONDS
)
stage_seconds = Histogram(
    "deepfake_stage_seconds",
    "Time of one stage of judging an image; of the network: a batch's.",
    labelnames=["stage"],
    buckets=_SECONDS,
)
queued = Gauge(
    "deepfake_queued_requests", "Requests judged or waiting to be.", multiprocess_mode="livesum"
)
upload_bytes = Gauge("deepfake_upload_bytes", "Bytes of uploads held.", multiprocess_mode="livesum")
verdicts = Counter("deepfake_verdicts", "Images judged.", labelnames=["model", "verdict"])
model_loads = Counter(
    "deepfake_model_loads", "Attempts to open a network.", labelnames=["model", "outcome"]
)
tensorboard_ready = Gauge(
    "deepfake_tensorboard_ready",
    "1 while TensorBoard answers, as seen when metrics are read.",
    multiprocess_mode="mostrecent",
)


def exposition() -> bytes:
    """All values of all workers in Prometheus's text format."""
    if FOLDER_VARIABLE not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def reserve_room() -> None:
    """Have the system set the room of this worker's files aside.

    They are mapped and begin as holes; a write into one on a full disk would kill the worker.
    """
    # What makes the files of counters and histograms; those of the gauges exist.
    requests.labels("GET", "(page)", 200)
    request_seconds.labels("(page)")
    for path in Path(os.environ[FOLDER_VARIABLE]).glob(f"*_{os.getpid()}.db"):
        try:
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        except OSError as error:
            logger.warning("no room for the file of figures %s: %s", path.name, error.strerror)


def forget_worker(pid: int) -> None:
    """Drop the gauges of a worker that has ended."""
    if FOLDER_VARIABLE in os.environ:
        mark_process_dead(pid)  # type: ignore[no-untyped-call]
