"""The three layers point one way: image <- inference <- training."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import deepfake_detection

PACKAGE = Path(deepfake_detection.__file__).parent
FORBIDDEN = {
    "image": {"deepfake_detection.inference", "deepfake_detection.training", "onnxruntime"},
    "inference": {"deepfake_detection.training", "tensorflow", "keras", "sklearn"},
}


def imported_modules(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


@pytest.mark.parametrize("layer", FORBIDDEN)
def test_no_layer_imports_what_stands_to_its_right(layer):
    for file in (PACKAGE / layer).glob("*.py"):
        for name in imported_modules(file):
            assert not name.startswith(tuple(FORBIDDEN[layer])), f"{file.name} imports {name}"


@pytest.mark.parametrize(
    "module", ["deepfake_detection.inference", "deepfake_detection.cli", "deepfake_webapp.app"]
)
def test_inference_and_server_start_without_tensorflow(module):
    code = (
        f"import sys, {module}; "
        "print([m for m in ('tensorflow', 'keras', 'tf2onnx', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
