"""Mixed good and bad traffic for minutes, then cold starts of TensorBoard.

    python -m tests.soak --minutes 10 --clients 32 --cold-starts 100

Prints a report; exit status 1 if an answer was none that the service may give, if memory grew by
more than 5 % after the warm-up, or if a first visit to TensorBoard failed.
"""

import argparse
import contextlib
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import requests

from tests.conftest import Server, eventually, serving
from tests.detection_model.images import encoded, portrait
from tests.fuzz.files import sound_files
from tests.fuzz.mutate import hostile_file

# 503 is the honest answer to more than can be judged.
ALLOWED = {200, 400, 404, 405, 413, 415, 422, 503}
MOST_GROWTH = 0.05
# Memory is compared from here on: every worker has seen every kind of request by then.
WARM_UP = 0.3
SAMPLE_SECONDS = 2.0
FIRST_VISIT_SECONDS = 60

Call = Callable[[Server, random.Random], requests.Response]


def calls() -> list[tuple[int, Call]]:
    """Kinds of requests with their weights."""
    good = [encoded(portrait(seed, size=(600, 500))) for seed in range(8)]
    large = encoded(portrait(9, size=(4000, 3000)))
    sound = list(sound_files().values())

    def upload(path: str, data: bytes, **query: str) -> Call:
        return lambda server, _: server.post(path, files={"file": ("a", data)}, params=query)

    def hostile(server: Server, draw: random.Random) -> requests.Response:
        _, data = hostile_file(0, draw.randrange(10**9))
        path = draw.choice(["/api/v1/predictions", "/predict", "/api/v1/inspections"])
        return server.post(path, files={"file": ("a", data)})

    def some(images: list[bytes], **query: str) -> Call:
        return lambda server, draw: server.judge(draw.choice(images), **query)

    def get(*paths: str) -> Call:
        return lambda server, draw: server.get(draw.choice(paths))

    return [
        (20, some(good)),
        (10, some(good, faces="auto")),
        (5, some(sound)),
        (2, some(good, faces="auto", explain="true")),
        (1, some([large], faces="auto")),
        (20, hostile),
        (3, upload("/api/v1/inspections", good[0])),
        (2, upload("/api/v1/predictions", good[0], model="nothing")),
        (2, upload("/api/v1/predictions", bytes(21_000_000))),
        (2, lambda server, _: server.post("/predict")),
        (20, get("/", "/api/v1/models", "/readyz", "/metrics", "/api/v1/openapi.json")),
        (5, get("/nothing.js", "/api/v1/nothing", "/..%2f..%2fetc/passwd")),
        (8, get("/tensorboard/", "/tensorboard/data/runs", "/tensorboard/nothing")),
    ]


class Traffic:
    """What clients met."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.memory: list[tuple[float, int]] = []

    def client(self, server: Server, seed: int, until: float) -> None:
        """Ask until the time is up."""
        draw = random.Random(seed)  # noqa: S311 - no secret
        weights, kinds = zip(*calls(), strict=True)
        while time.monotonic() < until:
            started = time.monotonic()
            try:
                (call,) = draw.choices(kinds, weights)
                answer = str(call(server, draw).status_code)
            except requests.RequestException as error:
                answer = type(error).__name__
            self.answers[answer] += 1
            self.seconds.append(time.monotonic() - started)

    def watch(self, server: Server, until: float) -> None:
        """Note the proportional memory of the workers, in bytes."""
        while time.monotonic() < until:
            self.memory.append((time.monotonic(), worker_memory(server)))
            time.sleep(SAMPLE_SECONDS)

    def growth(self) -> tuple[int, int]:
        """Memory after the warm-up and at the end: medians of a fifth of what came after it."""
        sizes = [size for _, size in self.memory]
        warm = sizes[int(WARM_UP * len(sizes)) :]
        fifth = max(1, len(warm) // 5)
        return int(statistics.median(warm[:fifth])), int(statistics.median(warm[-fifth:]))


def worker_memory(server: Server) -> int:
    """Bytes of the master and its workers, not of TensorBoard and of children that inspect."""
    total = 0
    master = psutil.Process(server.process.pid)
    for process in [master, *master.children()]:
        with contextlib.suppress(psutil.NoSuchProcess):
            if "supervise" not in " ".join(process.cmdline()):
                total += process.memory_full_info().pss
    return total


def run_traffic(folder: Path, minutes: float, clients: int) -> bool:
    """Report on mixed traffic; whether it was good."""
    traffic = Traffic()
    with serving(folder) as server:
        until = time.monotonic() + 60 * minutes
        watch = threading.Thread(target=traffic.watch, args=(server, until))
        watch.start()
        with ThreadPoolExecutor(clients) as pool:
            running = [pool.submit(traffic.client, server, n, until) for n in range(clients)]
        watch.join()
        for future in running:
            future.result()
        ready = eventually(lambda: server.get("/readyz").ok, 30)
    before, after = traffic.growth()
    worst = statistics.quantiles(traffic.seconds, n=100)[98]
    wrong = {a: n for a, n in traffic.answers.items() if a not in {str(s) for s in ALLOWED}}
    print(f"requests: {len(traffic.seconds)} by {clients} clients in {minutes:g} minutes")
    print("answers: " + ", ".join(f"{a}: {n}" for a, n in sorted(traffic.answers.items())))
    print(f"not allowed: {wrong or 'none'}")
    print(f"seconds to an answer: median {statistics.median(traffic.seconds):.2f}, p99 {worst:.2f}")
    print(f"memory after warm-up and at the end: {before / 1e6:.0f} MB, {after / 1e6:.0f} MB")
    return not wrong and bool(ready) and after <= (1 + MOST_GROWTH) * before


def run_cold_starts(folder: Path, count: int) -> bool:
    """Report on first visits to TensorBoard; whether all of them worked."""
    waited: list[float] = []
    for number in range(count):
        own = folder / f"start-{number}"
        own.mkdir()
        with serving(own, ready=False) as server:
            started = time.monotonic()
            if eventually(lambda server=server: visit(server), FIRST_VISIT_SECONDS):
                waited.append(time.monotonic() - started)
    longest = f", longest wait {max(waited):.1f} s" if waited else ""
    print(f"first visits to TensorBoard that worked: {len(waited)} of {count}{longest}")
    return len(waited) == count


def visit(server: Server) -> bool:
    """Whether TensorBoard answers; until then the page says that it is being started.

    Raises:
        RuntimeError: If it answers anything else.
    """
    answer = server.get("/tensorboard/", headers={"Accept": "text/html"})
    if not answer.ok and answer.status_code != requests.codes.unavailable:
        raise RuntimeError(f"{answer.status_code}: {answer.text}")
    return answer.ok


def main() -> None:
    """Run both and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--cold-starts", type=int, default=100)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        good = run_traffic(Path(folder), chosen.minutes, chosen.clients)
        good &= run_cold_starts(Path(folder), chosen.cold_starts)
    sys.exit(not good)


if __name__ == "__main__":
    main()
