"""Convert one ``.keras`` file to ONNX, in a process of its own.

    python -m deepfake_detection.training.convert NAME.keras NAME.onnx

Exit status 3 means that the file will never convert; the last line on stderr says why.
"""

import re
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime
from pydantic import ValidationError

from deepfake_detection.image.card import InputSpec
from deepfake_detection.inference.conversion import REFUSED, UnusableModel
from deepfake_detection.inference.network import (
    LOGIT_OUTPUT,
    MAP_OUTPUT,
    METADATA_KEY,
    SCORE_OUTPUT,
    Interface,
)

# Both runtimes compute in float32; trained networks differ by some 1e-7.
PARITY = 1e-4
_PROBES = 4
_WRAPPED = re.compile(r"(?:Exception encountered: |Example error message for object .*:\s+)(\S.*)")


def convert(keras_file: Path, onnx_file: Path) -> None:
    """Write the ONNX twin of ``keras_file``, whole or not at all.

    Raises:
        UnusableModel: If the file is damaged, unsafe, of another shape than a detector's, or
            answers otherwise after conversion.
    """
    network = _float32_clone(_load(keras_file))
    interface = _interface(network)
    network = _with_named_outputs(network)
    with tempfile.TemporaryDirectory(dir=onnx_file.parent) as folder:
        partial = Path(folder) / "network.onnx"
        _export(network, interface.input, partial)
        _check_parity(network, interface, partial)
        _describe(partial, interface)
        partial.replace(onnx_file)


def _load(keras_file: Path) -> keras.Model:
    if not zipfile.is_zipfile(keras_file):
        raise UnusableModel("Keras cannot load it: it is no .keras archive, or was cut short.")
    try:
        return keras.saving.load_model(keras_file, compile=False, safe_mode=True)
    except Exception as error:  # anything, on a damaged or hostile file
        raise UnusableModel(f"Keras cannot load it: {_cause(error)}") from error


def _float32_clone(network: keras.Model) -> keras.Model:
    """Rebuild in float32 and without random layers, which are idle outside training.

    A mixed-precision policy makes an invalid graph, and ONNX Runtime knows no ``RandomFlip``.
    """

    def clone(layer: keras.Operation) -> keras.Operation:
        if type(layer).__name__.startswith("Random"):
            return keras.layers.Identity(name=layer.name)
        config = layer.get_config()
        if "dtype" in config:
            config["dtype"] = "float32"
        return type(layer).from_config(config)

    try:
        twin = keras.models.clone_model(network, clone_function=clone, recursive=True)
        twin.set_weights(network.get_weights())
    except Exception as error:  # as in _load
        raise UnusableModel(f"It cannot be rebuilt in float32: {_first_line(error)}") from error
    return twin


def _interface(network: keras.Model) -> Interface:
    if len(network.inputs) != 1 or len(network.outputs) != 1:
        raise UnusableModel(
            f"It has {len(network.inputs)} inputs and {len(network.outputs)} outputs; a detector "
            "has one of each."
        )
    shape = tuple(network.inputs[0].shape)
    try:
        _, height, width, channels = shape
        spec = InputSpec(
            height=height,
            width=width,
            channels=channels,
            value_range=(0, 255) if _starts_with_rescaling(network) else (0, 1),
        )
    except (ValueError, ValidationError) as error:
        raise UnusableModel(
            f"Its input shape is {shape}; a detector takes (None, height, width, 3 or 1)."
        ) from error
    units = tuple(network.outputs[0].shape)[1:]
    if units not in ((1,), (2,)):
        raise UnusableModel(f"Its output shape is {units}; a detector answers one or two numbers.")
    return Interface(
        input=spec,
        output="sigmoid" if units == (1,) else "softmax",
        parameters=network.count_params(),
    )


def _starts_with_rescaling(network: keras.Model) -> bool:
    layers = [layer for layer in network.layers if not isinstance(layer, keras.layers.InputLayer)]
    while layers and isinstance(layers[0], keras.Model):
        layers = [la for la in layers[0].layers if not isinstance(la, keras.layers.InputLayer)]
    return bool(layers) and isinstance(layers[0], keras.layers.Rescaling)


def _with_named_outputs(network: keras.Model) -> keras.Model:
    """Name the output, and add a class activation map where the head allows one."""
    outputs = {SCORE_OUTPUT: network.outputs[0]}
    if (head := _pooled_head(network)) is not None:
        pooling, dense = head
        kernel = dense.get_weights()[0]
        weights = kernel[:, -1] - (kernel[:, 0] if dense.units > 1 else 0)
        # Longer than any other layer's name, so that none has it.
        name = max((layer.name for layer in network.layers), key=len) + "_map"
        weighted_sum = keras.layers.Conv2D(1, 1, use_bias=False, name=name)
        outputs[MAP_OUTPUT] = weighted_sum(pooling.input)
        weighted_sum.set_weights([weights.reshape(1, 1, -1, 1)])
    return keras.Model(network.inputs[0], outputs)


def _pooled_head(network: keras.Model) -> tuple[keras.Layer, keras.Layer] | None:
    """The last global average pooling and the dense layer after it, if nothing else follows."""
    dense, *earlier = reversed(network.layers)
    if not isinstance(dense, keras.layers.Dense):
        return None
    later = dense
    for layer in earlier:
        if later.input is not layer.output:
            return None
        if isinstance(layer, keras.layers.GlobalAveragePooling2D):
            return layer, dense
        if not isinstance(layer, keras.layers.Dropout):
            return None
        later = layer
    return None


def _export(network: keras.Model, spec: InputSpec, onnx_file: Path) -> None:
    signature = keras.InputSpec(
        shape=(None, spec.height, spec.width, spec.channels), dtype="float32"
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # tf2onnx's own
            network.export(onnx_file, format="onnx", input_signature=[signature], verbose=False)
    except Exception as error:  # tf2onnx raises nearly anything on an operation it lacks
        raise UnusableModel(f"It cannot be exported to ONNX: {_first_line(error)}") from error


def _check_parity(network: keras.Model, interface: Interface, onnx_file: Path) -> None:
    spec = interface.input
    low, high = spec.value_range
    shape = (_PROBES, spec.height, spec.width, spec.channels)
    probes = np.random.default_rng(0).uniform(low, high, shape).astype(np.float32)
    expected = {n: np.asarray(v) for n, v in network(probes, training=False).items()}
    try:
        session = onnxruntime.InferenceSession(onnx_file, providers=["CPUExecutionProvider"])
        answers = session.run(list(expected), {session.get_inputs()[0].name: probes})
    except Exception as error:  # ONNX Runtime's exceptions share no public base
        raise UnusableModel(f"ONNX Runtime cannot run it: {_first_line(error)}") from error
    for wanted, answered in zip(expected.values(), answers, strict=True):
        difference = float(np.abs(wanted - answered).max() / max(1, np.abs(wanted).max()))
        if not difference <= PARITY:
            raise UnusableModel(f"Its scores differ by {difference:.2g} after conversion.")
    answer = answers[0]
    sums_to_one = answer.shape[1] == 1 or np.allclose(answer.sum(axis=1), 1, atol=1e-3)
    if answer.min() < 0 or answer.max() > 1 or not sums_to_one:
        raise UnusableModel(
            "Its output is no probability; end it in a sigmoid or a softmax of two."
        )


def _describe(onnx_file: Path, interface: Interface) -> None:
    model = onnx.load(onnx_file)
    # Keras puts them in alphabetical order; whoever takes the first shall get the score.
    outputs = sorted(model.graph.output, key=lambda output: output.name != SCORE_OUTPUT)
    del model.graph.output[:]
    model.graph.output.extend(outputs)
    _give_logit(model.graph)
    onnx.helper.set_model_props(model, {METADATA_KEY: interface.model_dump_json()})
    onnx.save(model, onnx_file)


def _give_logit(graph: onnx.GraphProto) -> None:
    """Make an output of what goes into the final sigmoid or softmax, if there is one."""
    producers = {name: node for node in graph.node for name in node.output}
    last = producers[SCORE_OUTPUT]
    while last.op_type == "Identity":
        last = producers[last.input[0]]
    if last.op_type not in ("Sigmoid", "Softmax"):
        return
    graph.node.append(onnx.helper.make_node("Identity", [last.input[0]], [LOGIT_OUTPUT]))
    shape = [None, graph.output[0].type.tensor_type.shape.dim[1].dim_value]
    kind = onnx.TensorProto.FLOAT
    graph.output.append(onnx.helper.make_tensor_value_info(LOGIT_OUTPUT, kind, shape))


def _cause(error: Exception) -> str:
    """The sentence that Keras wraps into others, where it does."""
    *_, cause = [None, *_WRAPPED.findall(str(error))]
    return cause or _first_line(error)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def main() -> None:
    """Run the conversion that ``inference.conversion`` asks for."""
    keras_file, onnx_file = map(Path, sys.argv[1:])
    try:
        convert(keras_file, onnx_file)
    except UnusableModel as error:
        print(error, file=sys.stderr)
        sys.exit(REFUSED)


if __name__ == "__main__":
    main()
