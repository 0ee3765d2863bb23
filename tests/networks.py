"""Networks that cost nothing: what they answer can be worked out by hand."""

import hashlib
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from deepfake_detection.image import Card
from deepfake_detection.image.card import InputSpec
from deepfake_detection.inference.conversion import CONVERTER_VERSION
from deepfake_detection.inference.network import METADATA_KEY, SCORE_OUTPUT, Interface

SIZE = 16


class NetworkFactory:
    """Writes networks whose P(fake) is ``sigmoid(gain * (mean brightness - 0.5))``."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder, self.cache = folder, cache
        for path in (folder, cache):
            path.mkdir(parents=True, exist_ok=True)

    def __call__(
        self,
        name: str,
        *,
        gain: float = 4.0,
        card: bool = True,
        version: str = "1.0",
        crop: Literal["whole", "face"] = "whole",
    ) -> Path:
        """Write ``NAME.keras``; its content is made up, its converted form is in the cache."""
        content = f"{name} {gain}".encode()
        sha256 = hashlib.sha256(content).hexdigest()
        _save_twin(self.cache / f"{sha256}-{CONVERTER_VERSION}.onnx", gain)
        if card:
            described = Card(
                name=name,
                version=version,
                sha256=sha256,
                input=_SPEC,
                crop=crop,
                parameters=2,
                summary="Tiny",
            )
            described.save(self.folder / f"{name}.json")
        partial = self.folder / f"{name}.partial"
        partial.write_bytes(content)
        return partial.replace(self.folder / f"{name}.keras")


_SPEC = InputSpec(height=SIZE, width=SIZE)


def _save_twin(path: Path, gain: float) -> None:
    pixels = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, SIZE, SIZE, 3])
    answer = helper.make_tensor_value_info(SCORE_OUTPUT, TensorProto.FLOAT, [None, 1])
    constants = {
        "axes": np.array([1, 2, 3]),
        "shape": np.array([-1, 1]),
        "half": np.float32(0.5),
        "gain": np.float32(gain),
    }
    nodes = [
        helper.make_node("ReduceMean", ["x", "axes"], ["mean"], keepdims=0),
        helper.make_node("Sub", ["mean", "half"], ["centred"]),
        helper.make_node("Mul", ["centred", "gain"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], [SCORE_OUTPUT]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [pixels],
        [answer],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    interface = Interface(input=_SPEC, output="sigmoid", parameters=2)
    helper.set_model_props(model, {METADATA_KEY: interface.model_dump_json()})
    onnx.save(model, path)


def expected(level: int, gain: float = 4.0) -> float:
    """What a network of the factory says of a grey image."""
    return float(1 / (1 + np.exp(-gain * (level / 255 - 0.5))))
