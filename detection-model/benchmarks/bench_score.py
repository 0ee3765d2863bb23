"""Throughput of ``deepfake score`` beside the bare loop, on both engines.

    .venv/bin/python detection-model/benchmarks/bench_score.py [--model v4] [--faces auto]
        [--photographs FOLDER] [--images 10000] [--rounds 2]

The images are drawings, in which the detector finds no face and so looks twice; to measure faces,
name a folder of photographs of them. Every image is saved again at 256 x 256 pixels.

The bare loop is ``judge`` on batches of 32 in a process of one thread: what one core can do. As
many bare loops as there are workers run at once right before, so that both meet the same machine;
of several rounds the best counts, since other load only slows. A round on two cores takes
five minutes of ``--model v3 --faces off``, half an hour of v4 on faces, and over an hour where the
detector finds none.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

from deepfake_detection.image import decode
from deepfake_detection.inference import BATCH, default_cache, judge, load_network
from deepfake_detection.inference.score import Task
from deepfake_detection.training.sample_data import draw_portrait

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "webapp-backend/workspace/model"
# Different images among all.
PICTURES = 500
SIZE = (256, 256)
BARE_IMAGES = 4000
RUNS = (("local", 1), ("local", 2), ("ray", 1), ("ray", 2), ("ray", 4))


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="v4", help="A bundled network, or a .keras file.")
    parser.add_argument("--faces", choices=("auto", "off"), default="auto")
    parser.add_argument("--photographs", type=Path, help="Folder to use instead of drawings.")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    is_path = options.model.endswith(".keras")
    keras_file = Path(options.model) if is_path else MODELS / f"{options.model}.keras"
    task = Task(keras_file, default_cache(), options.faces)
    pictures = photographs(options.photographs) if options.photographs else drawings()
    with tempfile.TemporaryDirectory() as folder:
        files = make_images(Path(folder) / "images", pictures, options.images)
        rounds = [measure(task, files, Path(folder) / str(n)) for n in range(options.rounds)]
    print("| engine | workers | images/s | bare loops, images/s | ratio | with start, s |")
    print("|---|---|---|---|---|---|")
    for run in RUNS:
        rate, bare, seconds = max(one[run] for one in rounds)
        engine, workers = run
        ratio = f"{rate / bare:.2f}"
        print(f"| {engine} | {workers} | {rate:.0f} | {bare:.0f} | {ratio} | {seconds:.0f} |")


def drawings() -> list[Image.Image]:
    """Drawings of 256 x 256 pixels."""
    return [
        draw_portrait(np.random.default_rng(seed), fake=seed % 2 == 0) for seed in range(PICTURES)
    ]


def photographs(folder: Path) -> list[Image.Image]:
    """The first JPEG files of a folder, squeezed to 256 x 256 pixels."""
    files = sorted(folder.glob("*.jpg"))[:PICTURES]
    return [decode(file).pixels.resize(SIZE, Image.Resampling.BICUBIC) for file in files]


def make_images(folder: Path, pictures: Sequence[Image.Image], count: int) -> list[Path]:
    """Write pictures again and again, at other JPEG qualities."""
    files = [folder / f"{number // 1000:03}" / f"{number:06}.jpg" for number in range(count)]
    for number, file in enumerate(files):
        file.parent.mkdir(parents=True, exist_ok=True)
        quality = 70 + number // len(pictures) % 30
        pictures[number % len(pictures)].save(file, quality=quality)
    return files


def measure(
    task: Task, files: list[Path], folder: Path
) -> dict[tuple[str, int], tuple[float, float, float]]:
    """Images/s of the command and of as many bare loops, and its seconds, for each run."""
    figures = {}
    for run in RUNS:
        engine, workers = run
        bare = bare_loops(task, files[:BARE_IMAGES], workers)
        rate, seconds = command(
            task, files[0].parents[1], folder / f"{engine}-{workers}.parquet", *run
        )
        print(engine, workers, f"{rate:.0f} {bare:.0f} {seconds:.1f}", file=sys.stderr)
        figures[run] = (rate, bare, seconds)
    return figures


def bare_loops(task: Task, files: list[Path], workers: int) -> float:
    """Images/s of all loops together."""
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        return sum(pool.map(bare_loop, repeat(task, workers), repeat(files)))


def bare_loop(task: Task, files: list[Path]) -> float:
    """Images/s of one process."""
    network = load_network(task.keras_file, task.cache, threads=1)
    judge(network, files[:BATCH], faces=task.faces)
    started = time.perf_counter()
    for first in range(0, len(files), BATCH):
        judge(network, files[first : first + BATCH], faces=task.faces)
    return len(files) / (time.perf_counter() - started)


def command(
    task: Task, source: Path, output: Path, engine: str, workers: int
) -> tuple[float, float]:
    """Images/s between the first and the last unit written, and seconds of the whole command."""
    line = [Path(sys.executable).with_name("deepfake"), "score", source, "--output", output]
    options = ["--model", task.keras_file, "--faces", task.faces]
    options += ["--engine", engine, "--workers", str(workers)]
    started = time.perf_counter()
    subprocess.run([*line, *options], check=True, capture_output=True)
    seconds = time.perf_counter() - started
    return _rate(output), seconds


def _rate(output: Path) -> float:
    import pyarrow.parquet as pq

    parts = sorted((file.stat().st_mtime, file) for file in output.glob("*.parquet"))
    # One row of each image decided.
    images = [pq.read_table(file)["decided"].to_pylist().count(True) for _, file in parts]
    # The first units of all workers were begun before the clock starts.
    return sum(images[1:]) / (parts[-1][0] - parts[0][0])


if __name__ == "__main__":
    main()
