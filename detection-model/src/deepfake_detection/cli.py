"""The ``deepfake`` command: thin functions that parse, call and print.

TensorFlow is imported inside the commands that need it, so that the others start at once.
"""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
console = Console()

WORKSPACE = Path("detection-model/workspace")


DataOption = Annotated[
    Path, typer.Option(help="Folder that holds Dataset/{Train,Validation,Test}/{Fake,Real}.")
]


@app.callback()
def main() -> None:
    """Train, measure and use deepfake detectors."""
    # TensorFlow prints several lines about its build at every start.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


@app.command()
def train(
    network: Annotated[str, typer.Argument(help="v1, v2 or v3.")],
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
    distribute: Annotated[bool, typer.Option(help="Use every GPU.")] = False,
    data_name: Annotated[str, typer.Option(help="What the card calls the data.")] = "",
    data_licence: Annotated[str, typer.Option(help="Of the training data.")] = "unknown",
) -> None:
    """Train a network and export NAME.keras with its card NAME.json."""
    from deepfake_detection.training.networks import RECIPES
    from deepfake_detection.training.train import Options, train

    recipe = RECIPES[network]
    exported = train(
        Options(
            network=network,
            data=data,
            output=output,
            name=name or network,
            epochs=epochs or recipe.epochs,
            batch_size=batch_size or recipe.batch_size,
            seed=seed,
            precision=precision,
            resume=resume,
            distribute=distribute,
            data_name=data_name,
            data_licence=data_licence,
        )
    )
    console.print(f"Exported {exported} and {exported.with_suffix('.json').name}.")
