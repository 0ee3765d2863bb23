"""Serving beside the reference's manner of serving, and beside no server at all.

    make bench-serving
    python webapp-backend/benchmarks/bench_serving.py --sweep
    python webapp-backend/benchmarks/bench_serving.py --quick

In one run on one machine:

- ``reference``: Flask's own server, ``model.predict`` for each request;
- ``ours``: the server as `make run` starts it;
- ``bare``: Pillow, NumPy and ONNX Runtime in a loop, without HTTP;
- ``visitor``: ours as the page asks it: the default network, faces looked for.

wrk posts photographs from the same cores. Takes about seven minutes; ``--sweep`` tries out workers,
slots and threads instead, in four.
"""

import argparse
import dataclasses
import io
import json
import os
import platform
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import loops
import numpy as np
import report
from PIL import Image
from systems import MODELS, ROOT, System, find_wrk, ours, reference

from deepfake_detection.inference import convert, default_cache
from deepfake_detection.training.sample_data import draw_portrait

SIZES = {"256x256": (256, 256), "1 megapixel": (1152, 864), "12 megapixels": (4000, 3000)}
CLIENTS = (1, 4, 16, 64)
PORTRAIT = ROOT / "tests/data/astronaut.jpg"
OVERLOAD_CLIENTS = 64
# workers, slots of a worker, threads of a scoring call
SWEEP = ((2, 2, 1), (2, 1, 1), (1, 2, 1), (1, 4, 1), (2, 2, 2), (3, 1, 1), (4, 1, 1))


@dataclasses.dataclass(frozen=True)
class Plan:
    """How long and how much to measure; seconds."""

    cell_seconds: int = 3
    bare_seconds: float = 2
    overload_seconds: int = 60
    clients: tuple[int, ...] = CLIENTS
    sizes: tuple[str, ...] = tuple(SIZES)
    decoded_images: int = 50
    starts: int = 3


QUICK = Plan(1, 0.5, 3, (1, 16), ("256x256",), 2, 1)


def photograph(size: tuple[int, int], seed: int = 0) -> bytes:
    """Draw a portrait of ``size``, its grain at full resolution as a camera's, as a JPEG."""
    random = np.random.default_rng(seed)
    drawn = draw_portrait(random, fake=bool(seed % 2)).resize(size, Image.Resampling.BICUBIC)
    return with_grain(drawn, random)


def portrait(size: tuple[int, int]) -> bytes:
    """Put a portrait in which a face is found on a wall of ``size``, as a JPEG with grain."""
    side = min(size)
    wall = Image.new("RGB", size, (120, 110, 100))
    with Image.open(PORTRAIT) as image:
        wall.paste(image.convert("RGB").resize((side, side)), ((size[0] - side) // 2, 0))
    return with_grain(wall, np.random.default_rng(0))


def with_grain(image: Image.Image, random: np.random.Generator) -> bytes:
    """Add grain at full resolution, as a camera's, and encode as a JPEG."""
    size = image.size
    grain = random.normal(0, 5, (512, 512, 1)).astype(np.float32)
    tiles = (-(-size[1] // 512), -(-size[0] // 512), 1)
    grain = np.tile(grain, tiles)[: size[1], : size[0]]
    noisy = np.clip(np.asarray(image, np.float32) + grain, 0, 255).astype(np.uint8)
    encoded = io.BytesIO()
    Image.fromarray(noisy).save(encoded, "JPEG", quality=90)
    return encoded.getvalue()


def measure_server(system: System, images: dict[str, Path], plan: Plan) -> dict[str, Any]:
    """Every image with every number of clients, after a warm-up."""
    cells: dict[str, dict[str, Any]] = {}
    for name, image in images.items():
        system.load(image, clients=4, seconds=1)
        cells[name] = {}
        for clients in plan.clients:
            load = system.load(image, clients, plan.cell_seconds)
            cells[name][str(clients)] = _figures(load)
            print(f"    {name}, {clients} clients: {report.shown(_figures(load))}", flush=True)
    return cells


def overload(system: System, image: Path, seconds: int) -> dict[str, Any]:
    """64 clients at once for a while, with the tree's memory every second."""
    system.load(image, OVERLOAD_CLIENTS, 2)
    memory: list[float] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(1):
            memory.append(round(system.pss(), 1))

    watcher = threading.Thread(target=watch)
    watcher.start()
    load = system.load(image, OVERLOAD_CLIENTS, seconds)
    ended.set()
    watcher.join()
    return {**_figures(load), "pss_mb_by_second": memory}


def start_seconds(times: int) -> float:
    """Median of cold starts to ready, conversions in the cache."""
    seconds = []
    for _ in range(times):
        with ours() as system:
            seconds.append(system.start_seconds)
    return float(np.median(seconds))


def use_every_network(system: System, image: Path) -> None:
    """Have each worker answer with each bundled network."""
    base = system.url
    for network in sorted(MODELS.glob("*.keras")):
        named = dataclasses.replace(system, url=f"{base}&model={network.stem}")
        if named.load(image, 16, 1).good == 0:
            raise RuntimeError(f"{network.name} does not answer")


def _figures(load: Any) -> dict[str, float]:
    return {**dataclasses.asdict(load), "throughput": load.throughput}


def benchmark(folder: Path, network: Path, plan: Plan) -> dict[str, Any]:
    """Measure everything."""
    for file in MODELS.glob("*.keras"):
        convert(file, default_cache())  # or a server would begin with it
    images = write_images(folder, plan.sizes, photograph)
    print("bare loop", flush=True)
    result: dict[str, Any] = {
        "bare": {
            name: loops.bare(network, file, plan.bare_seconds) for name, file in images.items()
        }
    }
    print("reference", flush=True)
    result["reference"] = {"cells": {}}
    for name, file in images.items():
        # Afresh for each: it goes on with what 64 clients left behind for a long time.
        with reference(network) as system:
            result["reference"]["start_seconds"] = system.start_seconds
            result["reference"]["cells"] |= measure_server(system, {name: file}, plan)
            result["reference"]["pss_mb"] = system.pss()
    print("ours", flush=True)
    with ours(default_model=network.stem) as system:
        result["ours"] = {"cells": measure_server(system, images, plan)}
        use_every_network(system, images["256x256"])
        time.sleep(3)
        result["ours"]["pss_mb"] = system.pss()
        result["overload"] = overload(system, images["256x256"], plan.overload_seconds)
    result["ours"]["start_seconds"] = start_seconds(plan.starts)
    print("visitor", flush=True)
    with ours() as system:
        visitor = dataclasses.replace(system, url=system.url.removesuffix("?faces=off"))
        portraits = write_images(folder, plan.sizes, portrait)
        result["visitor"] = {"cells": measure_server(visitor, portraits, plan)}
        result["visitor"]["pss_mb"] = system.pss()
        result["visitor"]["start_seconds"] = system.start_seconds
    print("decoding and runtimes", flush=True)
    large = [photograph(SIZES["12 megapixels"], seed) for seed in range(plan.decoded_images)]
    result["decoding"] = loops.decoding(large, network)
    small = [photograph(SIZES["256x256"], seed) for seed in range(20)]
    result["runtimes"] = {
        bundled.stem: loops.compare_runtimes(bundled, small, plan.bare_seconds / 2)
        for bundled in sorted(MODELS.glob("*.keras"))
    }
    result["image_bytes"] = {name: file.stat().st_size for name, file in images.items()}
    return result


def sweep(folder: Path, network: Path, plan: Plan) -> list[dict[str, Any]]:
    """Try workers, slots and threads."""
    images = write_images(folder, ("256x256", "1 megapixel"), photograph)
    rows = []
    for workers, slots, threads in SWEEP:
        row: dict[str, Any] = {"workers": workers, "slots": slots, "ONNX threads": threads}
        settings = {"workers": workers, "scoring_slots": slots, "onnx_threads": threads}
        with ours(default_model=network.stem, **settings) as system:
            for name, image in images.items():
                system.load(image, 4, 1)
                row[f"p50, {name}, 1 client"] = system.load(image, 1, plan.cell_seconds).p50
                busy = system.load(image, 16, plan.cell_seconds)
                row[f"images/s, {name}, 16 clients"] = busy.throughput
                row[f"p95, {name}, 16 clients"] = busy.p95
            row["PSS, MB"] = system.pss()
        rows.append(row)
        print(report.row(row), flush=True)
    return rows


def write_images(
    folder: Path, names: tuple[str, ...], draw: Callable[[tuple[int, int]], bytes]
) -> dict[str, Path]:
    """Put one picture of each size into a folder."""
    images = {name: folder / f"{draw.__name__}-{name.replace(' ', '-')}.jpg" for name in names}
    for name, file in images.items():
        file.write_bytes(draw(SIZES[name]))
    return images


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return {"processor": names[0] if names else platform.processor(), "cores": os.cpu_count()}


def main() -> None:
    """Parse the options, measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--network", default="v3", help="bundled network that answers")
    parser.add_argument("--quick", action="store_true", help="see that it runs, in half a minute")
    parser.add_argument("--sweep", action="store_true", help="try workers, slots and threads")
    parser.add_argument("--output", type=Path, help="receives the figures as JSON")
    parser.add_argument("--plot", type=Path, help="receives a plot, .svg or .png")
    options = parser.parse_args()
    find_wrk()
    plan = QUICK if options.quick else Plan()
    network = MODELS / f"{options.network}.keras"
    with tempfile.TemporaryDirectory() as temporary:
        if options.sweep:
            print(report.table(sweep(Path(temporary), network, plan)))
            return
        result = {"machine": machine(), "network": options.network}
        result |= benchmark(Path(temporary), network, plan)
    result["goals"] = report.goals(result)
    print(report.text(result))
    if options.output:
        options.output.write_text(json.dumps(report.rounded(result), indent=1) + "\n")
    if options.plot:
        report.plot(result, options.plot)


if __name__ == "__main__":
    main()
