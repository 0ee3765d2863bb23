"""Throughput of ``deepfake score`` beside the bare loop, on both engines.

    .venv/bin/python detection-model/benchmarks/bench_score.py [--images 10000] [--rounds 2]

The bare loop is ``judge`` on batches of 32 in a process of one thread: what one core can do. As
many bare loops as there are workers run at once right before, so that both meet the same machine;
of several rounds the best counts, since other load only slows. Five minutes a round on two cores.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from deepfake_detection.inference import default_cache, judge, load_network
from deepfake_detection.inference.score import BATCH
from deepfake_detection.training.sample_data import draw_portrait

ROOT = Path(__file__).parents[2]
KERAS_FILE = ROOT / "webapp-backend/workspace/model/v3.keras"
DRAWINGS = 500
BARE_IMAGES = 4000
RUNS = (("local", 1), ("local", 2), ("ray", 1), ("ray", 2), ("ray", 4))


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = make_images(Path(folder) / "images", options.images)
        rounds = [measure(files, Path(folder) / str(n)) for n in range(options.rounds)]
    print("| engine | workers | images/s | bare loops, images/s | ratio | with start, s |")
    print("|---|---|---|---|---|---|")
    for run in RUNS:
        rate, bare, seconds = max(one[run] for one in rounds)
        engine, workers = run
        ratio = f"{rate / bare:.2f}"
        print(f"| {engine} | {workers} | {rate:.0f} | {bare:.0f} | {ratio} | {seconds:.0f} |")


def make_images(folder: Path, count: int) -> list[Path]:
    """Some drawings of 256 x 256 pixels, again and again at other JPEG qualities."""
    drawings = [
        draw_portrait(np.random.default_rng(seed), fake=seed % 2 == 0) for seed in range(DRAWINGS)
    ]
    files = [folder / f"{number // 1000:03}" / f"{number:06}.jpg" for number in range(count)]
    for number, file in enumerate(files):
        file.parent.mkdir(parents=True, exist_ok=True)
        drawings[number % DRAWINGS].save(file, quality=70 + number // DRAWINGS % 30)
    return files


def measure(files: list[Path], folder: Path) -> dict[tuple[str, int], tuple[float, float, float]]:
    """Images/s of the command and of as many bare loops, and its seconds, for each run."""
    figures = {}
    for engine, workers in RUNS:
        bare = bare_loops(files[:BARE_IMAGES], workers)
        rate, seconds = command(files[0].parents[1], folder, engine, workers)
        print(engine, workers, f"{rate:.0f} {bare:.0f} {seconds:.1f}", file=sys.stderr)
        figures[engine, workers] = (rate, bare, seconds)
    return figures


def bare_loops(files: list[Path], workers: int) -> float:
    """Images/s of all loops together."""
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        return sum(pool.map(bare_loop, [files] * workers))


def bare_loop(files: list[Path]) -> float:
    """Images/s of one process."""
    network = load_network(KERAS_FILE, default_cache(), threads=1)
    judge(network, files[:BATCH], faces="off")
    started = time.perf_counter()
    for first in range(0, len(files), BATCH):
        judge(network, files[first : first + BATCH], faces="off")
    return len(files) / (time.perf_counter() - started)


def command(source: Path, folder: Path, engine: str, workers: int) -> tuple[float, float]:
    """Images/s between the first and the last unit written, and seconds of the whole command."""
    output = folder / f"{engine}-{workers}.parquet"
    line = [Path(sys.executable).with_name("deepfake"), "score", source, "--output", output]
    options = ["--model", KERAS_FILE, "--engine", engine, "--workers", str(workers)]
    started = time.perf_counter()
    subprocess.run([*line, *options], check=True, capture_output=True)
    seconds = time.perf_counter() - started
    return _rate(output), seconds


def _rate(output: Path) -> float:
    import pyarrow.parquet as pq

    parts = sorted((file.stat().st_mtime, file) for file in output.glob("*.parquet"))
    rows = [pq.read_metadata(file).num_rows for _, file in parts]
    # The first units of all workers were begun before the clock starts.
    return sum(rows[1:]) / (parts[-1][0] - parts[0][0])


if __name__ == "__main__":
    main()
