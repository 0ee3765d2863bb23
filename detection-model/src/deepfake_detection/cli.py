"""The ``deepfake`` command: thin functions that parse, call and print.

TensorFlow is imported inside the commands that need it, so that the others start at once.
"""

import json
import os
import sys
import time
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from deepfake_detection.errors import UserError
from deepfake_detection.image.card import Evaluation
from deepfake_detection.image.decode import ImageError
from deepfake_detection.inference import (
    BATCH,
    Judgement,
    convert,
    default_cache,
    judge,
    load_network,
)
from deepfake_detection.tables import duplicates_table, percent, portraits_table, scores_table

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
# Tables in a file or a pipe keep their columns whole.
console = Console(width=None if sys.stdout.isatty() else 160)
errors = Console(stderr=True)

WORKSPACE = Path("detection-model/workspace")
SERVED = Path("webapp-backend/workspace")
DEFAULT_MODEL = "v4"

PROGRESS_COLUMNS = (
    BarColumn(),
    MofNCompleteColumn(),
    TextColumn("{task.fields[rate]}"),
    TimeRemainingColumn(),
)


class Engine(StrEnum):
    """What runs the workers of ``score``."""

    local = "local"
    ray = "ray"


class Faces(StrEnum):
    """Whether ``predict`` and ``score`` look for faces."""

    auto = "auto"
    off = "off"


DataOption = Annotated[
    Path, typer.Option(help="Folder that holds Dataset/{Train,Validation,Test}/{Fake,Real}.")
]
DataNameOption = Annotated[str, typer.Option(help="What the card calls the data.")]
ModelArgument = Annotated[str, typer.Argument(help="A .keras file, or the name of one of ours.")]
ModelOption = Annotated[str, typer.Option(help="A .keras file, or the name of one of ours.")]
FacesOption = Annotated[Faces, typer.Option(help="off: score whole images as they are.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def run() -> None:
    """Run the command; an error that the user can put right becomes one sentence."""
    try:
        app()
    except (UserError, OSError) as error:
        errors.print(f"deepfake: {error}", style="red", markup=False, soft_wrap=True)
        sys.exit(1)


@app.callback()
def main() -> None:
    """Train, measure and use deepfake detectors."""
    # TensorFlow prints several lines about its build at every start.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@app.command()
def train(  # noqa: PLR0913, PLR0917 - one for each option
    network: Annotated[str, typer.Argument(help="v1, v2, v3 or v4.")],
    data: DataOption = WORKSPACE / "data",
    output: Annotated[Path, typer.Option(help="Receives models/ and logs/.")] = WORKSPACE,
    name: Annotated[str | None, typer.Option(help="Of the export; else the network's.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Else the recipe's.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Else the recipe's.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    precision: Annotated[
        str, typer.Option(help="auto, float32, mixed_bfloat16 or mixed_float16.")
    ] = "auto",
    resume: Annotated[bool, typer.Option(help="Go on with an interrupted run.")] = False,
    distribute: Annotated[bool, typer.Option(help="Share each batch among all GPUs.")] = False,
    data_name: DataNameOption = "",
    data_licence: Annotated[str, typer.Option(help="Of the training data.")] = "unknown",
    photographs: Annotated[
        Path | None, typer.Option(help="Folder of more photographs of faces, for v4's blends.")
    ] = None,
    leave_out: Annotated[
        list[str] | None, typer.Option(help="Source of the manifest to train without.")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(help="Ingredient to train v4 without, to measure its worth.")
    ] = None,
) -> None:
    """Train a network; export NAME.keras and its card NAME.json, calibrated on Validation."""
    from deepfake_detection.training.runs import options_for
    from deepfake_detection.training.train import train as train_network

    options = options_for(
        network,
        data=data,
        output=output,
        name=name,
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
        precision=precision,
        resume=resume,
        distribute=distribute,
        data_name=data_name,
        data_licence=data_licence,
        photographs=photographs,
        leave_out=tuple(leave_out or ()),
        without=tuple(without or ()),
    )
    exported = train_network(options)
    console.print(f"Exported {exported} with its card.", soft_wrap=True)
    console.print(f"Next: deepfake evaluate {exported}, deepfake publish {options.name}")


@app.command()
def evaluate(
    model: ModelArgument,
    data: DataOption = WORKSPACE / "data",
    split: Annotated[str, typer.Option(help="Train, Validation or Test.")] = "Test",
    robustness: Annotated[bool, typer.Option(help="Measure altered images too.")] = False,
    photographs: Annotated[
        Path | None, typer.Option(help="Measure a folder of photographs instead of the data.")
    ] = None,
    save: Annotated[bool, typer.Option(help="Write the figures into the card.")] = False,
    data_name: DataNameOption = "",
    as_json: JsonOption = False,
) -> None:
    """Measure a network on labelled images, per source and together."""
    from deepfake_detection.training.cards import (
        evaluate_network,
        evaluate_photographs,
        with_evaluation,
    )

    keras_file = _find(model)
    network = load_network(keras_file, default_cache())
    if save and not network.reading.proven:
        raise UserError(
            f"{keras_file.name} has no card of its own to write into: `deepfake card` makes one."
        )
    if robustness and photographs:
        raise UserError("Altered images are measured on labelled ones: leave out --robustness.")
    evaluation = (
        evaluate_photographs(network, photographs, split, data_name=data_name)
        if photographs
        else evaluate_network(network, data, split, data_name=data_name, robustness=robustness)
    )
    if save:  # before printing: a closed pipe must not lose the measurement
        with_evaluation(network, evaluation).save(keras_file.with_suffix(".json"))
    _show(evaluation, as_json)


@app.command()
def card(
    keras_file: Annotated[Path, typer.Argument(help="The .keras file to measure.")],
    data: DataOption = WORKSPACE / "data",
    data_name: DataNameOption = "",
) -> None:
    """Write a card by measuring a .keras file: orientation, calibration, figures on Test."""
    from deepfake_detection.training.cards import (
        calibrate_card,
        evaluate_network,
        with_evaluation,
    )

    card_file = keras_file.with_suffix(".json")
    calibrate_card(keras_file, data, default_cache())
    network = load_network(keras_file, default_cache())
    evaluation = evaluate_network(network, data, "Test", data_name=data_name)
    with_evaluation(network, evaluation).save(card_file)
    _show(evaluation, as_json=False)
    console.print(f"Wrote {card_file}.", soft_wrap=True)


@app.command()
def predict(
    images: Annotated[list[Path], typer.Argument(help="JPEG, PNG or WebP files.")],
    model: ModelOption = DEFAULT_MODEL,
    faces: FacesOption = Faces.auto,
    explain: Annotated[bool, typer.Option(help="Add heat maps to the JSON.")] = False,
    second_look: Annotated[bool, typer.Option(help="Score altered copies too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Judge images as the web page does. Exit status 1 if one could not be read."""
    network = load_network(_find(model), default_cache())
    outcomes: list[Judgement | ImageError | OSError] = []
    for first in range(0, len(images), BATCH):
        batch = images[first : first + BATCH]
        outcomes += judge(
            network, batch, faces=faces.value, explain=explain, second_look=second_look
        )
    if as_json:
        results = [
            {"file": str(path)}
            | (asdict(o) if isinstance(o, Judgement) else {"problem": _sentence(o)})
            for path, o in zip(images, outcomes, strict=True)
        ]
        print(json.dumps({"model": network.card.name, "results": results}, indent=2))
    else:
        table = Table("File", "P(fake)", "Verdict", "Faces", title=network.card.name)
        for path, outcome in zip(images, outcomes, strict=True):
            table.add_row(str(path), *_cells(outcome))
        console.print(table)
    if not all(isinstance(outcome, Judgement) for outcome in outcomes):
        raise typer.Exit(1)


def _cells(outcome: Judgement | ImageError | OSError) -> tuple[str, str, str]:
    """Probability, verdict and faces in words."""
    if not isinstance(outcome, Judgement):
        return "", _sentence(outcome), ""
    reason = f" ({outcome.reason.replace('_', ' ')})" if outcome.reason else ""
    small = sum(face.too_small for face in outcome.faces)
    faces = f"{len(outcome.faces)}" + (f", {small} too small" if small else "")
    score = f"{outcome.fake_probability:.4f}"
    if again := outcome.second_look:
        score += f" ({again.lowest:.4f} to {again.highest:.4f})"
    return score, outcome.verdict + reason, faces


@app.command()
def score(
    source: Annotated[str, typer.Argument(help="A folder, .tar shard, 'glob' or .txt of paths.")],
    output: Annotated[Path, typer.Option(help="Folder of Parquet files.")] = Path("scores.parquet"),
    model: ModelOption = DEFAULT_MODEL,
    faces: FacesOption = Faces.auto,
    engine: Annotated[Engine, typer.Option(help="ray: on $RAY_ADDRESS, else here.")] = Engine.local,
    workers: Annotated[int | None, typer.Option(min=1, help="Else one for each core.")] = None,
) -> None:
    """Score an archive, one row a face; the same command goes on where a run was stopped."""
    from deepfake_detection.inference import archive, score_table
    from deepfake_detection.inference.score import ENGINES, Task

    task = Task(_find(model), default_cache(), faces.value)
    card = load_network(task.keras_file, task.cache).card
    total = sum(1 for _ in archive.archive_images(source))
    if total == 0:
        raise UserError(f"There is no image in {source}.")
    table = score_table.ScoreTable(output, source, card, faces.value)
    started = time.monotonic()
    with Progress(*PROGRESS_COLUMNS, console=errors) as progress:
        bar = progress.add_task("", total=total, rate="")
        for tally in score_table.fill(
            table, source, lambda units: ENGINES[engine](units, task, workers)
        ):
            rate = (tally.scored + tally.bad) / (time.monotonic() - started)
            progress.update(bar, completed=tally.images, rate=f"{rate:.0f} images/s")
    console.print(
        f"{tally.scored} images scored, {tally.bad} bad, {tally.kept} there already, in "
        f"{time.monotonic() - started:.1f} s: {output}",
        soft_wrap=True,
    )


@app.command("diffusion-test")
def diffusion_test(
    folder: Annotated[Path, typer.Argument(help="Generated portraits, or Fake/ and Real/.")],
    model: ModelOption = DEFAULT_MODEL,
    as_json: JsonOption = False,
) -> None:
    """Score a folder of generated portraits, one by one."""
    from deepfake_detection.inference.diffusion_test import diffusion_test as run_test

    network = load_network(_find(model), default_cache())
    portraits = run_test(network, folder)
    readable = [(p, p.judgement) for p in portraits if p.judgement is not None]
    right = sum(p.right for p, _ in readable)
    if as_json:
        rows = [
            {
                "file": str(p.path),
                "is_fake": p.is_fake,
                "fake_probability": j.fake_probability,
                "right": p.right,
            }
            for p, j in readable
        ]
        problems = [{"file": str(p.path), "problem": p.problem} for p in portraits if p.problem]
        print(json.dumps({"model": network.card.name, "results": rows + problems}, indent=2))
    else:
        console.print(portraits_table(f"Diffusion test of {network.card.name}", portraits))
        console.print(f"{right} of {len(readable)} right.")
    if len({p.is_fake for p in portraits}) == 1:
        errors.print(
            "Only one class: a network that gave every image this answer would score 100 %. "
            "Add the other class, as Fake/ and Real/, before you trust the figure.",
            style="yellow",
        )


@app.command("near-duplicates")
def near_duplicates(
    data: DataOption = WORKSPACE / "data",
    max_distance: Annotated[
        int | None,
        typer.Option(min=0, max=64, help="Of 64 bits; else what saving an image again may change."),
    ] = None,
) -> None:
    """List images that stand in more than one split, by perceptual hash."""
    from deepfake_detection.training import near_duplicates as search
    from deepfake_detection.training.dataset import SPLITS, read_split

    splits = {split: read_split(data, split) for split in SPLITS}
    if max_distance is None:
        max_distance = search.MAX_DISTANCE
    pairs = search.near_duplicates(splits, max_distance)
    title = f"{len(pairs)} pairs across splits differ in at most {max_distance} bits"
    console.print(duplicates_table(title, pairs))


@app.command("sample-data")
def sample_data(folder: Annotated[Path, typer.Argument(help="Receives Dataset/.")]) -> None:
    """Write generated drawings in the reference layout, to try the pipeline on."""
    from deepfake_detection.training.sample_data import BANNER, make_sample_data

    console.print(f"Wrote {make_sample_data(folder) / 'Dataset'}.", soft_wrap=True)
    console.print(BANNER, style="yellow")


@app.command()
def publish(
    name: Annotated[str, typer.Argument(help="Of a trained network.")],
    workspace: Annotated[Path, typer.Option(help="Where it was trained.")] = WORKSPACE,
    served: Annotated[Path, typer.Option(help="The web application's.")] = SERVED,
) -> None:
    """Copy a network, its card and its logs to where the web page serves them."""
    from deepfake_detection.training.publish import publish as publish_network

    for path in publish_network(name, workspace, served):
        console.print(f"Wrote {path}", soft_wrap=True)


@app.command("convert")
def convert_files(
    keras_files: Annotated[list[Path], typer.Argument(help=".keras files.")],
    cache: Annotated[Path | None, typer.Option(help="Else $DEEPFAKE_CACHE.")] = None,
) -> None:
    """Convert networks to ONNX ahead of time, so that a server starts at once."""
    for keras_file in keras_files:
        twin = convert(keras_file, cache or default_cache())
        console.print(f"{keras_file} -> {twin}", soft_wrap=True)


def _sentence(error: ImageError | OSError) -> str:
    return str(error.strerror) if isinstance(error, OSError) else str(error)


def _find(model: str) -> Path:
    """Return a path as it is; look a bare name up among trained, then served networks."""
    if model.endswith(".keras"):
        return Path(model)
    candidates = [
        WORKSPACE / "models" / f"{model}.keras",
        SERVED / "model" / f"{model}.keras",
    ]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise UserError(
        f"There is no network {model}: looked for {candidates[0]} and {candidates[1]}. "
        "Run from the repository's root, or give the path of a .keras file."
    )


def _show(evaluation: Evaluation, as_json: bool) -> None:
    if as_json:
        print(evaluation.model_dump_json(indent=2))
        return
    console.print(scores_table(f"{evaluation.data}, {evaluation.split}", evaluation.sources))
    if evaluation.robustness:
        console.print(scores_table("Altered images", evaluation.robustness))
    if evaluation.decided is not None:
        console.print(
            f"Decided: {evaluation.decided.share:.1%} of the images, "
            f"{percent(evaluation.decided.accuracy)} of them rightly; "
            f"{percent(evaluation.decided.reals_called_fake)} of the reals are called fake."
        )
