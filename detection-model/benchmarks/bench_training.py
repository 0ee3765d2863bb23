"""Training throughput on v3: our input pipeline beside the reference's and beside no pipeline.

    python detection-model/benchmarks/bench_training.py --output bench-training.json

Measured in one process, in turns, and the fastest turn of each counts: what else runs on the
machine only ever slows one down. The processor time is told too. Compared are

- ``reference``: ``image_dataset_from_directory`` and a division by 255, every epoch from the files;
- ``first epoch``: ours, decoding the files included;
- ``later epochs``: ours, from the decoded images in memory;
- ``cache file``: ours, from the file used when memory is short, its pages dropped before the epoch;
- ``in memory``: no pipeline, ``fit`` on a float32 array.

Takes some four minutes on two idle cores with the 512 drawings of 256x256 it makes by default.
"""

import argparse
import gc
import json
import os
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import keras
import tensorflow as tf
from PIL import Image

from deepfake_detection.image.preprocess import scale
from deepfake_detection.training.dataset import find_dataset, read_split
from deepfake_detection.training.networks import RECIPES
from deepfake_detection.training.pixels import DecodedSplit, batches, decode_split
from deepfake_detection.training.precision import dtype_policy, resolve_precision
from deepfake_detection.training.sample_data import make_sample_data

RECIPE = RECIPES["v3"]
PRECISIONS = ("float32", "mixed_bfloat16")
FIRST_EPOCH_GOAL = 1.5
LATER_EPOCHS_GOAL = 0.95

Fit = Callable[[keras.Model], None]


class Bench:
    """The ways to feed one training split, each a function that trains one epoch."""

    def __init__(self, data: Path, cache: Path) -> None:
        self.folder = find_dataset(data) / "Train"
        self.images = read_split(data, "Train")
        self.cache = cache
        self.decoded = self._decode()
        self.cached = self._decode(memory_bytes=0)
        self.array = scale(self.decoded.pixels, RECIPE.input)
        self.variants: dict[str, Fit] = {
            "reference": self.reference,
            "first epoch": self.first_epoch,
            "later epochs": self.later_epochs,
            "cache file": self.cache_file,
            "in memory": self.in_memory,
        }

    def reference(self, network: keras.Model) -> None:
        """One epoch as the reference feeds it; Keras's function decodes in parallel by itself."""
        dataset = keras.utils.image_dataset_from_directory(
            self.folder,
            label_mode="binary",
            image_size=(RECIPE.input.height, RECIPE.input.width),
            batch_size=RECIPE.batch_size,
            verbose=False,
        )
        self._fit(network, dataset.map(lambda x, y: (x / 255, y[:, 0])))

    def first_epoch(self, network: keras.Model) -> None:
        """Decode all files, then one epoch."""
        self._fit(network, self._batches(self._decode()))

    def later_epochs(self, network: keras.Model) -> None:
        """One epoch from decoded images in memory."""
        self._fit(network, self._batches(self.decoded))

    def cache_file(self, network: keras.Model) -> None:
        """One epoch from the file on disk, none of it in the page cache."""
        for file in self.cache.glob("*.uint8"):
            with file.open("rb") as opened:
                if hasattr(os, "posix_fadvise"):  # macOS has none
                    os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        self._fit(network, self._batches(self.cached))

    def in_memory(self, network: keras.Model) -> None:
        """One epoch on float32 arrays that are ready."""
        network.fit(self.array, self.decoded.labels, batch_size=RECIPE.batch_size, verbose=0)

    def _decode(self, memory_bytes: int | None = None) -> DecodedSplit:
        return decode_split(self.images, RECIPE.input, cache=self.cache, memory_bytes=memory_bytes)

    def _batches(self, split: DecodedSplit) -> tf.data.Dataset:
        return batches(split, RECIPE.input, RECIPE.batch_size, shuffle_seed=1)

    @staticmethod
    def _fit(network: keras.Model, dataset: tf.data.Dataset) -> None:
        network.fit(dataset, shuffle=False, verbose=0)


def draw(folder: Path, count: int, side: int) -> Path:
    """Write drawings of ``side`` by ``side`` pixels, half of them fake."""
    make_sample_data(folder, {"Train": count // 2})
    for file in folder.rglob("*.jpg"):
        if side != RECIPE.input.width:
            with Image.open(file) as image:
                enlarged = image.resize((side, side), Image.Resampling.BICUBIC)
            enlarged.save(file, quality=92)
    return folder


def compiled(precision: str) -> keras.Model:
    """Return v3 as training compiles it."""
    with dtype_policy(precision):
        network = RECIPE.build()
    network.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss="binary_crossentropy",
        metrics=["accuracy", keras.metrics.AUC(name="auc")],
        jit_compile="auto" if tf.config.list_physical_devices("GPU") else False,
    )
    return network


@dataclass
class Turns:
    """Wall and processor seconds of each turn of one variant."""

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


def measure(bench: Bench, repeats: int) -> tuple[dict[str, Turns], dict[str, float]]:
    """Return the turns by "variant, precision", and the peak memory after each variant.

    The first turn traces and fills caches and is not counted.
    """
    networks = {precision: compiled(precision) for precision in PRECISIONS}
    turns: dict[str, Turns] = {}
    peaks: dict[str, float] = {}
    for turn in range(repeats + 1):
        for variant, fit in bench.variants.items():
            for precision, network in networks.items():
                gc.collect()
                wall, processor = time.perf_counter(), time.process_time()
                fit(network)
                if turn:
                    measured = turns.setdefault(f"{variant}, {precision}", Turns())
                    measured.wall.append(time.perf_counter() - wall)
                    measured.processor.append(time.process_time() - processor)
            peaks.setdefault(variant, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)
        print(f"turn {turn} of {repeats} done", flush=True)
    return turns, peaks


def ratios(times: dict[str, float]) -> dict[str, float]:
    """How many times as fast ours is: at equal precision, and by default against float32."""
    auto = resolve_precision("auto")
    pairs = [
        (f"{ours}, {precision}", f"{other}, {precision}")
        for ours, other in (
            ("first epoch", "reference"),
            ("later epochs", "reference"),
            ("later epochs", "in memory"),
            ("cache file", "in memory"),
        )
        for precision in PRECISIONS
    ]
    pairs += [(f"{ours}, {auto}", "reference, float32") for ours in ("first epoch", "later epochs")]
    return {f"{ours} / {other}": round(times[other] / times[ours], 3) for ours, other in pairs}


def report(bench: Bench, repeats: int) -> dict[str, object]:
    """Measure, print and return everything."""
    turns, peaks = measure(bench, repeats)
    count = len(bench.images)
    wall = {name: min(t.wall) / count for name, t in turns.items()}
    processor = {name: min(t.processor) / count for name, t in turns.items()}
    by_wall, by_processor = ratios(wall), ratios(processor)
    with Image.open(bench.images[0].path) as first:
        size = first.size
    print(f"\n{count} images, the first {size[0]}x{size[1]}, in batches of {RECIPE.batch_size}")
    print(f"The fastest of {repeats} turns, and processor time an image:")
    for name, seconds in wall.items():
        print(f"{1 / seconds:9.1f} images/s  {1e3 * processor[name]:6.2f} ms  {name}")
    print(f"\n{'by wall':>11}  by processor time")
    for name, value in by_wall.items():
        print(f"{value:9.2f} x {by_processor[name]:8.2f} x  {name}")
    print(
        f"\nGoals: first epoch >= {FIRST_EPOCH_GOAL} x the reference, later epochs >= "
        f"{LATER_EPOCHS_GOAL} x in memory.\nPeak memory of the process so far, MB: "
        + ", ".join(f"{name} {peak:,.0f}" for name, peak in peaks.items())
        + f"; the float32 array alone {bench.array.nbytes / 1e6:,.0f}, as uint8 "
        f"{bench.decoded.pixels.nbytes / 1e6:,.0f}."
    )
    return {
        "images": count,
        "first_image": size,
        "batch_size": RECIPE.batch_size,
        "repeats": repeats,
        "cores": os.cpu_count(),
        "gpus": len(tf.config.list_physical_devices("GPU")),
        "processor": _processor(),
        "default_precision": resolve_precision("auto"),
        "versions": {"tensorflow": tf.__version__, "keras": keras.__version__},
        "images_per_second": {name: round(1 / seconds, 1) for name, seconds in wall.items()},
        "processor_ms_per_image": {name: round(1e3 * s, 2) for name, s in processor.items()},
        "ratios": by_wall,
        "ratios_by_processor_time": by_processor,
        "peak_memory_mb": {name: round(peak) for name, peak in peaks.items()},
        "seconds": {name: [round(s, 3) for s in t.wall] for name, t in turns.items()},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")


def main() -> None:
    """Parse the options, measure, and write the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder that holds Dataset; else drawings")
    parser.add_argument("--images", type=int, default=512, help="drawings to train on")
    parser.add_argument("--side", type=int, default=256, help="of the drawings, in pixels")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, help="receives the figures as JSON")
    options = parser.parse_args()
    keras.utils.set_random_seed(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        data = options.data or draw(folder, options.images, options.side)
        result = report(Bench(data, folder / "cache"), options.repeats)
    if options.output:
        options.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
