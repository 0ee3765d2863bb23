"""Score an archive: one row a face, on all cores of a machine or, by Ray Data, of a cluster.

Workers only read and judge; whoever started them writes. So a worker or the whole run may be killed
at any time: a unit's rows are there as a whole or not at all, and the next run does the rest.
"""

import collections
import contextlib
import functools
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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from deepfake_detection.errors import UserError
from deepfake_detection.image.decode import ImageError, Limits
from deepfake_detection.inference.archive import ArchiveImage, Unit
from deepfake_detection.inference.judge import BATCH, Judgement, judge
from deepfake_detection.inference.network import Network, load_network
from deepfake_detection.inference.picture import FaceSearch

# How often in a row a pool may break without a unit done in between.
MAX_BREAKS = 3
# Units that Ray is given at a time; each has its images' names, some 30 kB.
WINDOW = 1024


@dataclass(frozen=True)
class Task:
    """How the images of an archive are judged.

    Attributes:
        keras_file: The network.
        cache: Where its converted form lies.
        faces: See ``judge``.
    """

    keras_file: Path
    cache: Path
    faces: FaceSearch = "auto"


class Row(NamedTuple):
    """A face that was scored, or an image that was judged as a whole.

    Attributes:
        image: Name of the image.
        fake_probability, verdict, reason, width, height: Of the image, as in ``Judgement``.
        decided: Whether the image's probability is this row's: true in one row of each image.
        face: Its place among the image's faces, 0 for the largest; None for an image judged as a
            whole, like all that follow.
        face_x, face_y, face_width, face_height: Its box, in pixels of the full upright image.
        face_score: The detector's certainty, 0 to 1.
        face_fake_probability: Calibrated, 1.0 = certainly fake.
    """

    image: str
    fake_probability: float
    verdict: str
    reason: str | None
    width: int
    height: int
    decided: bool = True
    face: int | None = None
    face_x: int | None = None
    face_y: int | None = None
    face_width: int | None = None
    face_height: int | None = None
    face_score: float | None = None
    face_fake_probability: float | None = None


@dataclass(frozen=True)
class ScoredUnit:
    """The rows of one unit.

    Attributes:
        rows: Of the images that could be judged.
        bad: (image, reason) of the others.
    """

    unit: Unit
    rows: list[Row]
    bad: list[tuple[str, str]]

    @property
    def judged(self) -> int:
        """Images that could be judged."""
        return len(self.unit.images) - len(self.bad)


def score_unit(network: Network, faces: FaceSearch, unit: Unit) -> ScoredUnit:
    """Judge the images of a unit; what cannot be judged is told by its reason."""
    scored = ScoredUnit(unit, [], [])
    for first in range(0, len(unit.images), BATCH):
        images = unit.images[first : first + BATCH]
        for image, outcome in zip(images, _judge(network, faces, images), strict=True):
            if isinstance(outcome, Judgement):
                scored.rows.extend(rows_of(image.name, outcome))
            else:
                scored.bad.append((image.name, outcome))
    return scored


def rows_of(image: str, judgement: Judgement) -> list[Row]:
    """A row for each face that was scored; one for an image of which none was."""
    whole = Row(
        image,
        judgement.fake_probability,
        judgement.verdict,
        judgement.reason,
        judgement.width,
        judgement.height,
    )
    of_faces = [
        whole._replace(
            decided=face.decided,
            face=number,
            face_x=face.left,
            face_y=face.top,
            face_width=face.right - face.left,
            face_height=face.bottom - face.top,
            face_score=face.score,
            face_fake_probability=face.fake_probability,
        )
        for number, face in enumerate(judgement.faces)
        if face.fake_probability is not None
    ]
    return of_faces or [whole]


def _judge(
    network: Network, faces: FaceSearch, images: Sequence[ArchiveImage]
) -> list[Judgement | str]:
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


def score_locally(units: Iterator[Unit], task: Task, workers: int | None) -> Iterator[ScoredUnit]:
    """Score units in processes of one thread each; a killed worker's units are scored again.

    Args:
        units: Read as they are needed.
        task: How they are judged.
        workers: Processes; None takes one for each core.

    Raises:
        UserError: If a worker cannot open the network, or if workers keep being killed.
    """
    workers = workers or cores()
    backlog: collections.deque[Unit] = collections.deque()
    breaks = 0
    while True:
        in_flight: dict[Future[ScoredUnit], Unit] = {}
        try:
            with _pool(workers) as pool:
                while _refill(pool, task, in_flight, backlog, units, 2 * workers):
                    for scored in _finished(in_flight):
                        breaks = 0
                        yield scored
            return
        except BrokenProcessPool as error:
            backlog.extend(in_flight.values())
            breaks += 1
            if breaks >= MAX_BREAKS:
                raise UserError(
                    f"Workers were killed {breaks} times in a row with no unit done in between. "
                    "If they print no error of their own, memory runs out: choose fewer by "
                    "--workers. What is done stays done."
                ) from error


@contextlib.contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    # Spawned, because ONNX Runtime's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _begin_work)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _refill(
    pool: ProcessPoolExecutor,
    task: Task,
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
        in_flight[pool.submit(_score, task, backlog[0])] = backlog[0]
        backlog.popleft()
    return bool(in_flight)


def _finished(in_flight: dict[Future[ScoredUnit], Unit]) -> Iterator[ScoredUnit]:
    """Wait for one unit at least; one whose worker was killed stays in flight."""
    for future in wait(in_flight, return_when=FIRST_COMPLETED).done:
        scored = future.result()
        del in_flight[future]
        yield scored


def _begin_work() -> None:
    # Ctrl-C is the parent's to handle, and no worker may outlive it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _score(task: Task, unit: Unit) -> ScoredUnit:
    return score_unit(_opened(task), task.faces, unit)


@functools.cache
def _opened(task: Task) -> Network:
    """The network, opened when a worker's first unit asks for it.

    Raises:
        UserError: With the reason, whatever it is: the others may not survive the way to the
            process that prints them.
    """
    try:
        return load_network(task.keras_file, task.cache, threads=1)
    except Exception as error:
        raise UserError(f"A worker cannot open {task.keras_file}: {error}") from error


# --- on a cluster ---


def score_with_ray(units: Iterator[Unit], task: Task, workers: int | None) -> Iterator[ScoredUnit]:
    """Score units on Ray Data, which looks after killed workers itself.

    ``RAY_ADDRESS`` names a cluster; without it Ray is started on this machine. Images, network and
    cache must lie at the same paths on each node.

    Args:
        units: Read as they are needed.
        task: How they are judged.
        workers: Actors of one thread each; None takes one for each core there is.

    Raises:
        UserError: If Ray is not installed or does not start, or if a worker cannot open the
            network.
    """
    ray = _started_ray(workers)
    workers = workers or int(ray.cluster_resources()["CPU"])
    # Its workers have working folders of their own.
    task = replace(task, keras_file=task.keras_file.absolute(), cache=task.cache.absolute())
    try:
        while window := list(itertools.islice(units, WINDOW)):
            items = [{"unit": pickle.dumps(unit)} for unit in window]
            scored = ray.data.from_items(items, override_num_blocks=len(items)).map(
                _RayWorker,
                fn_constructor_args=(task,),
                concurrency=min(workers, len(items)),
                num_cpus=1,
            )
            for row in scored.iter_rows():
                outcome = pickle.loads(row["outcome"])  # noqa: S301 - our own workers wrote it
                if isinstance(outcome, UserError):
                    raise outcome
                yield outcome
    finally:
        ray.shutdown()


def _started_ray(workers: int | None) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        from ray.data import DataContext
    except ImportError as error:
        raise UserError("Ray is missing: pip install './detection-model[cluster]'.") from error
    local = {} if "RAY_ADDRESS" in os.environ else {"address": "local", "num_cpus": workers}
    try:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR", **local)
    except Exception as error:  # of no class of its own where a node is slow to start
        raise UserError(f"Ray does not start: {error}") from error
    DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    return ray


class _RayWorker:
    """Scores in one of Ray's processes, which stays the same for unit after unit."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Score one unit, or return the ``UserError``: Ray would bury it if it were raised."""
        unit: Unit = pickle.loads(row["unit"])  # noqa: S301 - the driver wrote it
        outcome: ScoredUnit | UserError
        try:
            outcome = _score(self._task, unit)
        except UserError as error:
            outcome = error
        return {"outcome": pickle.dumps(outcome)}


ENGINES = {"local": score_locally, "ray": score_with_ray}
