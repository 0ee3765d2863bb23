"""A server on networks that cost nothing, and images for it."""

import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from deepfake_detection.image import Card
from deepfake_detection.image.card import InputSpec
from deepfake_detection.inference.conversion import CONVERTER_VERSION
from deepfake_detection.inference.network import METADATA_KEY, Interface
from tests.conftest import Server, serving

SIZE = 16


def encode(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:  # noqa: A002
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def grey(level: int, size: tuple[int, int] = (40, 30)) -> Image.Image:
    return Image.new("RGB", size, (level, level, level))


def slow_image() -> bytes:
    """A valid image that takes some half a second to decode."""
    return encode(grey(128, (6000, 6000)), "PNG", compress_level=1)


class NetworkFactory:
    """Writes networks whose P(fake) is ``sigmoid(gain * (mean brightness - 0.5))``."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder, self.cache = folder, cache
        for path in (folder, cache):
            path.mkdir(parents=True, exist_ok=True)

    def __call__(
        self, name: str, *, gain: float = 4.0, card: bool = True, version: str = "1.0"
    ) -> Path:
        """Write ``NAME.keras``; its content is made up, its converted form is in the cache."""
        content = f"{name} {gain}".encode()
        sha256 = hashlib.sha256(content).hexdigest()
        _save_twin(self.cache / f"{sha256}-{CONVERTER_VERSION}.onnx", gain)
        if card:
            described = Card(
                name=name, version=version, sha256=sha256, input=_SPEC, parameters=2, summary="Tiny"
            )
            described.save(self.folder / f"{name}.json")
        partial = self.folder / f"{name}.partial"
        partial.write_bytes(content)
        return partial.replace(self.folder / f"{name}.keras")


_SPEC = InputSpec(height=SIZE, width=SIZE)


def _save_twin(path: Path, gain: float) -> None:
    pixels = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, SIZE, SIZE, 3])
    answer = helper.make_tensor_value_info("p", TensorProto.FLOAT, [None, 1])
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
        helper.make_node("Reshape", ["flat", "shape"], ["p"]),
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


@pytest.fixture
def networks(tmp_path: Path) -> NetworkFactory:
    """A model folder of the test's own, and the factory that fills it."""
    return NetworkFactory(tmp_path / "model", tmp_path / "cache")


@pytest.fixture
def start_tiny(
    networks: NetworkFactory, start_server: Callable[..., Server]
) -> Callable[..., Server]:
    """Start a server on the test's own model folder, without TensorBoard's 70 MB."""

    def start(**settings: object) -> Server:
        folders = {"model_folder": networks.folder, "cache": networks.cache}
        # Nothing listens on the discard port, so no TensorBoard is started.
        elsewhere = {"tensorboard_upstream": "http://127.0.0.1:9"}
        return start_server(**{**folders, **elsewhere, **settings})

    return start


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server shared by the tests that change nothing: networks ``tiny`` (carded) and ``bare``."""
    root = tmp_path_factory.mktemp("tiny")
    networks = NetworkFactory(root / "model", root / "cache")
    networks("tiny")
    networks("bare", card=False)
    page = root / "page"
    (page / "assets").mkdir(parents=True)
    (page / "index.html").write_text("<!doctype html><title>page</title>")
    (page / "assets" / "app-1234.js").write_text("1")
    (root / "secret.txt").write_text("secret")
    with serving(
        root,
        model_folder=networks.folder,
        cache=networks.cache,
        page_folder=page,
        tensorboard_logs=root / "no-logs",
    ) as running:
        yield running
