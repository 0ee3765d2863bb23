"""What each ingredient of v4 is worth, and what it makes of fakes of an origin it never saw.

    python detection-model/benchmarks/ablate.py DATA PHOTOGRAPHS --output docs/ablation.json

trains v4 for a short while with everything, then with each ingredient left out, and measures each
network on Validation: AUC by source, AUC at JPEG quality 50, and the photographs of another origin
that are called fake. Rows that leave out an origin are measured on that origin too. The runs are
equally short, so the figures compare with one another and with nothing else. Runs that are
finished are not repeated.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from deepfake_detection.image import Card
from deepfake_detection.training.runs import INGREDIENTS

DEEPFAKE = str(Path(sys.executable).with_name("deepfake"))
ORIGINS = ("140k", "dfdc")


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


def measure(options: list[str], name: str, args: argparse.Namespace) -> dict[str, float]:
    """Train and measure one network; return its row."""
    network = args.workspace / "models" / f"{name}.keras"
    card_file = network.with_suffix(".json")
    if not card_file.is_file():
        where = ["--data", str(args.data), "--output", str(args.workspace), "--name", name]
        deepfake("train", "v4", *where, "--epochs", str(args.epochs), *options)
        common = [str(network), "--split", "Validation", "--save"]
        deepfake("evaluate", *common, "--photographs", str(args.photographs))
        deepfake("evaluate", *common, "--data", str(args.data), "--robustness")
    on_photographs, on_data = Card.load(card_file).evaluations
    called_fake = 1 - on_photographs.sources["all"].accuracy
    aucs = {source: scores.auc or 0.0 for source, scores in on_data.sources.items()}
    jpeg = on_data.robustness["JPEG quality 50"].auc or 0.0
    return aucs | {"all, JPEG quality 50": jpeg, "photographs above 0.5": round(called_fake, 4)}


def deepfake(*arguments: str) -> None:
    """Run the command; its progress goes to the terminal."""
    subprocess.run([DEEPFAKE, *arguments], check=True)


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
    rows = {}
    for title, options in runs(args.photographs).items():
        name = title.replace(",", "").replace(" ", "-")
        rows[title] = measure(options, name, args)
        args.output.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
        print(title, rows[title], flush=True)


if __name__ == "__main__":
    main()
