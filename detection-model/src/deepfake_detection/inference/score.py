"""Score an archive: one row an image, on all cores of a machine or, by Ray Data, of a cluster.

Workers only read and judge; whoever started them writes. So a worker or the whole run may be killed
at any time: a unit's rows are there as a whole or not at all, and the next run does the rest.
"""

import collections
import contextlib
import itertools
import logging
import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepfake_detection.errors import UserError
from deepfake_detection.image.decode import ImageError, Limits
from deepfake_detection.inference.archive import ArchiveImage, Unit
from deepfake_detection.inference.judge import Judgement, judge
from deepfake_detection.inference.network import Network, load_network
from deepfake_detection.inference.picture import FaceSearch

BATCH = 32
# How often in a row a pool may break without a unit done in between.
MAX_BREAKS = 3
# Units that Ray is given at a time; each has its images' names, some 30 kB.
WINDOW = 1024


@dataclass(frozen=True)
class ScoredUnit:
    """The rows of one unit.

    Attributes:
        scores: (image, fake_probability, verdict, width, height) of those that could be judged.
        bad: (image, reason) of the others.
    """

    unit: Unit
    scores: list[tuple[str, float, str, int, int]]
    bad: list[tuple[str, str]]


def score_unit(network: Network, unit: Unit) -> ScoredUnit:
    """Judge the images of a unit; what cannot be judged is told by its reason."""
    scored = ScoredUnit(unit, [], [])
    for first in range(0, len(unit.images), BATCH):
        images = unit.images[first : first + BATCH]
        for image, outcome in zip(images, _judge(network, images), strict=True):
            if isinstance(outcome, Judgement):
                row = (outcome.fake_probability, outcome.verdict, outcome.width, outcome.height)
                scored.scores.append((image.name, *row))
            else:
                scored.bad.append((image.name, outcome))
    return scored


def _judge(network: Network, images: Sequence[ArchiveImage]) -> list[Judgement | str]:
    """What is said of each image, or the reason why nothing is."""
    outcomes: dict[int, Judgement | str] = {}
    sources: dict[int, bytes | Path] = {}
    for position, image in enumerate(images):
        if image.problem is not None:
            outcomes[position] = image.problem
            continue
        try:
            sources[position] = image.source(Limits().max_bytes)
        except OSError as error:
            outcomes[position] = _reason(error)
    # The detector costs twenty times a small network's time; where it changes no score, it rests.
    faces: FaceSearch = "auto" if network.card.crop == "face" else "off"
    judged = judge(network, list(sources.values()), faces=faces)
    for position, outcome in zip(sources, judged, strict=True):
        outcomes[position] = outcome if isinstance(outcome, Judgement) else _reason(outcome)
    return [outcomes[position] for position in range(len(images))]


def _reason(error: ImageError | OSError) -> str:
    return f"It cannot be read: {error.strerror}." if isinstance(error, OSError) else str(error)


# --- on this machine ---


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def score_locally(
    units: Iterator[Unit], keras_file: Path, cache: Path, workers: int | None
) -> Iterator[ScoredUnit]:
    """Score units in processes of one thread each; a killed worker's units are scored again.

    Args:
        units: Read as they are needed.
        keras_file: The network.
        cache: Where its converted form lies.
        workers: Processes; None takes one for each core.

    Raises:
        UserError: If workers keep being killed.
    """
    workers = workers or cores()
    backlog: collections.deque[Unit] = collections.deque()
    breaks = 0
    while True:
        in_flight: dict[Future[ScoredUnit], Unit] = {}
        try:
            with _pool(keras_file, cache, workers) as pool:
                while _refill(pool, in_flight, backlog, units, 2 * workers):
                    for scored in _finished(in_flight):
                        breaks = 0
                        yield scored
            return
        except BrokenProcessPool as error:
            backlog.extend(in_flight.values())
            breaks += 1
            if breaks >= MAX_BREAKS:
                raise UserError(
                    "The workers are killed again and again, most likely because memory runs out: "
                    "choose fewer by --workers. What is done stays done."
                ) from error


@contextlib.contextmanager
def _pool(keras_file: Path, cache: Path, workers: int) -> Iterator[ProcessPoolExecutor]:
    # Spawned, because ONNX Runtime's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _begin_work, (keras_file, cache))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _refill(
    pool: ProcessPoolExecutor,
    in_flight: dict[Future[ScoredUnit], Unit],
    backlog: collections.deque[Unit],
    units: Iterator[Unit],
    limit: int,
) -> bool:
    """Submit what there is up to a limit; False once nothing is under way."""
    while len(in_flight) < limit:
        if not backlog and (unit := next(units, None)):
            backlog.append(unit)
        if not backlog:
            break
        # Taken off the backlog only once the pool has it.
        in_flight[pool.submit(_score, backlog[0])] = backlog[0]
        backlog.popleft()
    return bool(in_flight)


def _finished(in_flight: dict[Future[ScoredUnit], Unit]) -> Iterator[ScoredUnit]:
    """Wait for one unit at least; one whose worker was killed stays in flight."""
    for future in wait(in_flight, return_when=FIRST_COMPLETED).done:
        scored = future.result()
        del in_flight[future]
        yield scored


_network: Network


def _begin_work(keras_file: Path, cache: Path) -> None:
    global _network  # noqa: PLW0603 - a pool's way of keeping something open in its processes
    # Ctrl-C is the parent's to handle, and no worker may outlive it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _network = load_network(keras_file, cache, threads=1)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _score(unit: Unit) -> ScoredUnit:
    return score_unit(_network, unit)


# --- on a cluster ---


def score_with_ray(
    units: Iterator[Unit], keras_file: Path, cache: Path, workers: int | None
) -> Iterator[ScoredUnit]:
    """Score units on Ray Data, which looks after killed workers itself.

    ``RAY_ADDRESS`` names a cluster; without it Ray is started on this machine. Images, network and
    cache must lie at the same paths on each node.

    Args:
        units: Read as they are needed.
        keras_file: The network.
        cache: Where its converted form lies.
        workers: Actors of one thread each; None takes one for each core there is.

    Raises:
        UserError: If Ray is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        from ray.data import DataContext
    except ImportError as error:
        raise UserError("Ray is missing: pip install './detection-model[cluster]'.") from error
    local = {} if "RAY_ADDRESS" in os.environ else {"address": "local", "num_cpus": workers}
    ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR", **local)
    DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    workers = workers or int(ray.cluster_resources()["CPU"])
    try:
        while window := list(itertools.islice(units, WINDOW)):
            items = [{"unit": pickle.dumps(unit)} for unit in window]
            scored = ray.data.from_items(items, override_num_blocks=len(items)).map(
                _RayWorker,
                fn_constructor_args=(keras_file.absolute(), cache.absolute()),
                concurrency=min(workers, len(items)),
                num_cpus=1,
            )
            for row in scored.iter_rows():
                yield pickle.loads(row["scored"])  # noqa: S301 - our own workers wrote it
    finally:
        ray.shutdown()


class _RayWorker:
    """Holds the network open in one of Ray's processes."""

    def __init__(self, keras_file: Path, cache: Path) -> None:
        self._network = load_network(keras_file, cache, threads=1)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Score one unit."""
        unit: Unit = pickle.loads(row["unit"])  # noqa: S301 - the driver wrote it
        return {"scored": pickle.dumps(score_unit(self._network, unit))}


ENGINES = {"local": score_locally, "ray": score_with_ray}
