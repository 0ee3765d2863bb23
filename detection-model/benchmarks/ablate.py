"""What each ingredient of v4 is worth, and what it makes of fakes of an origin it never saw.

    python detection-model/benchmarks/ablate.py DATA PHOTOGRAPHS --output docs/ablation.json

trains v4 for a short while with everything, then with each ingredient left out, and measures each
network on Validation: AUC by source, AUC at JPEG quality 50, and the share of the photographs of
another origin that score above a half. Rows that leave out an origin are measured on that origin
too. The runs are equally short, so the figures compare with one another and with nothing else.
Runs that are finished are not repeated.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from deepfake_detection.inference import Network, default_cache, load_network
from deepfake_detection.training.dataset import read_photographs, read_split
from deepfake_detection.training.evaluate import calibrate, score_images, scores_by_source
from deepfake_detection.training.robustness import jpeg
from deepfake_detection.training.runs import INGREDIENTS

DEEPFAKE = str(Path(sys.executable).with_name("deepfake"))
ORIGINS = ("140k", "dfdc")
HALF = 0.5


def runs(photographs: Path) -> dict[str, list[str]]:
    """Return the options of each run by what its row is called."""
    more = ["--photographs", str(photographs)]
    everything = {"everything": more}
    ingredients = {f"without {name}": [*more, "--without", name] for name in INGREDIENTS}
    origins = {
        f"trained without {origin}{', without blends' * plain}": [
            *more * (not plain),
            *("--leave-out", origin),
            *["--without", "blends"] * plain,
        ]
        for origin in ORIGINS
        for plain in (False, True)
    }
    return everything | ingredients | {"without photographs": []} | origins


def train(options: list[str], name: str, args: argparse.Namespace) -> Path:
    """Train one network, unless that was done before; return its file."""
    network = args.workspace / "models" / f"{name}.keras"
    if not network.with_suffix(".json").is_file():
        where = ["--data", str(args.data), "--output", str(args.workspace), "--name", name]
        interrupted = network.with_suffix(".run").exists()
        how = ["--epochs", str(args.epochs), *["--resume"] * interrupted]
        subprocess.run([DEEPFAKE, "train", "v4", *where, *how, *options], check=True)
    return network


def measure(network: Network, args: argparse.Namespace) -> dict[str, float]:
    """Measure one network on Validation; return its row."""
    images = read_split(args.data, "Validation")
    scored = score_images(network, images, description="Validation")
    by_source = scores_by_source(scored.raw, scored)
    compressed = score_images(network, images, alter=jpeg(50), description="JPEG quality 50")
    photographs = score_images(network, read_photographs(args.photographs, "Validation"))
    return {source: scores.auc or 0.0 for source, scores in by_source.items()} | {
        "all, JPEG quality 50": roc_auc_score(compressed.labels, compressed.raw),
        "photographs above 0.5": float(np.mean(calibrate(network, photographs.raw) > HALF)),
    }


def main() -> None:
    """Run what is not there yet; write all rows after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument(
        "--workspace", type=Path, default=Path("detection-model/workspace/ablation")
    )
    parser.add_argument("--output", type=Path, default=Path("ablation.json"))
    args = parser.parse_args()
    rows = json.loads(args.output.read_text("utf-8")) if args.output.is_file() else {}
    for title, options in runs(args.photographs).items():
        if title in rows:
            continue
        keras_file = train(options, title.replace(",", "").replace(" ", "-"), args)
        row = measure(load_network(keras_file, default_cache()), args)
        rows[title] = {column: round(value, 4) for column, value in row.items()}
        args.output.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
        print(title, rows[title], flush=True)


if __name__ == "__main__":
    main()
