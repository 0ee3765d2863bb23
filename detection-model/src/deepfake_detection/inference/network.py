"""A converted network: uint8 pixels in, calibrated P(fake) out."""

import logging
import re
from pathlib import Path
from typing import Literal, Self

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from pydantic import BaseModel

from deepfake_detection.image.card import NAME_PATTERN, Card, CardError, ClassName, InputSpec
from deepfake_detection.image.preprocess import scale
from deepfake_detection.inference.conversion import UnusableModel, convert, hash_in_name
from deepfake_detection.inference.session import open_session

# Under this key the converter leaves an ``Interface`` in the ONNX file's metadata.
METADATA_KEY = "deepfake_detection"
# What the converter calls the outputs. The network's own has the shape (images, 1 or 2). Networks
# that end in global average pooling have one more, (images, rows, columns, 1): what each place adds
# to the logit of the only unit, or to that of the second less that of the first.
SCORE_OUTPUT = "probability"
MAP_OUTPUT = "class_activation"
# What goes into the final sigmoid or softmax, of the same shape as the score: beyond 18 or so ONNX
# Runtime's sigmoid is 0 or 1, so the score alone could not be compared.
LOGIT_OUTPUT = "logit"
# Images in one call; bounds the memory that its feature maps take. v4's layers see each of them
# twice.
MAX_BATCH = 8

logger = logging.getLogger(__name__)


class Interface(BaseModel):
    """What a network's structure tells without a card."""

    input: InputSpec
    output: Literal["sigmoid", "softmax"]
    parameters: int


class Reading(BaseModel):
    """How the output is read, and whether a card vouches for it."""

    output: Literal["sigmoid", "softmax"]
    class_order: tuple[ClassName, ClassName]
    proven: bool


class Network:
    """A network and its card, ready to score; safe to share between threads.

    Attributes:
        card: The card beside the file, or one made up from the file's structure.
        reading: How its output is read.
        note: Why the card beside the file is not used, if it is not.
        has_activation_map: Whether ``activation_maps`` can be asked for.
    """

    def __init__(
        self, session: onnxruntime.InferenceSession, card: Card, reading: Reading, note: str = ""
    ) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        outputs = [output.name for output in session.get_outputs()]
        self.has_activation_map = MAP_OUTPUT in outputs
        self._has_logit = LOGIT_OUTPUT in outputs
        self.card = card
        self.reading = reading
        self.note = note

    def fake_probabilities(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Score a batch.

        Args:
            pixels: uint8 of shape (images, height, width, channels), as ``to_pixels`` makes them.

        Returns:
            Calibrated P(fake) of shape (images,), 1.0 = certainly fake.
        """
        return self.card.calibration.apply_all(self.raw_probabilities(pixels))

    def raw_probabilities(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """P(fake) as the network itself puts it, before calibration, of shape (images,)."""
        output = self._run(SCORE_OUTPUT, pixels)
        fake = self.card.class_order.index("fake")
        if self.reading.output == "softmax":
            return output[:, fake]
        return output[:, 0] if fake == 1 else 1 - output[:, 0]

    def fake_logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The logit of P(fake) before calibration, of shape (images,)."""
        if not self._has_logit:
            p = self.raw_probabilities(pixels).astype(np.float64).clip(1e-7, 1 - 1e-7)
            logits: NDArray[np.float64] = np.log(p / (1 - p))
            return logits
        output = self._run(LOGIT_OUTPUT, pixels).astype(np.float64)
        last = output[:, 1] - output[:, 0] if output.shape[1] > 1 else output[:, 0]
        return last if self.card.class_order[1] == "fake" else -last

    def activation_maps(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What each place of its last feature map adds to the logit of "fake".

        Args:
            pixels: As for ``fake_probabilities``.

        Returns:
            float32 of shape (images, rows, columns); positive speaks for a fake.
        """
        maps = self._run(MAP_OUTPUT, pixels)[..., 0]
        return maps if self.card.class_order[1] == "fake" else -maps

    def _run(self, output: str, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        batches = (pixels[at : at + MAX_BATCH] for at in range(0, len(pixels), MAX_BATCH))
        spec = self.card.input
        return np.concatenate(
            [self._session.run([output], {self._input: scale(b, spec)})[0] for b in batches]
        )

    @classmethod
    def load(
        cls, onnx_file: Path, *, name: str, sha256: str, card: Card | None, flip: bool, threads: int
    ) -> Self:
        """Open a converted network; see ``load_network``."""
        session = open_session(onnx_file, threads)
        metadata = session.get_modelmeta().custom_metadata_map[METADATA_KEY]
        interface = Interface.model_validate_json(metadata)
        note = ""
        if card is not None and card.sha256 != sha256:
            note = "The card beside it describes another file and is not used."
            card = None
        proven = card is not None
        if card is None:
            card = _assumed_card(name, sha256, interface, flip)
        elif _shape(card.input) != _shape(interface.input):
            raise UnusableModel(
                f"Its card says {_shape(card.input)} for the input, the network takes "
                f"{_shape(interface.input)}."
            )
        reading = Reading(output=interface.output, class_order=card.class_order, proven=proven)
        return cls(session, card, reading, note)


def load_network(keras_file: Path, cache: Path, *, threads: int = 0, flip: bool = False) -> Network:
    """Open a ``.keras`` file by way of its ONNX twin, with the card beside it if there is one.

    Args:
        keras_file: The network; its card is the ``.json`` beside it.
        cache: Where converted networks are kept.
        threads: Of one scoring call; 0 takes as many as there are cores.
        flip: Read the output of a network without a card the other way round.

    Raises:
        UnusableModel: With the reason.
        OSError: If a file cannot be read.
    """
    onnx_file = convert(keras_file, cache)
    card_file = keras_file.with_suffix(".json")
    try:
        card = Card.load(card_file) if card_file.is_file() else None
    except CardError as error:
        raise UnusableModel(f"Its card cannot be read: {error}") from error
    return Network.load(
        onnx_file,
        name=keras_file.stem,
        sha256=hash_in_name(onnx_file),
        card=card,
        flip=flip,
        threads=threads,
    )


def _assumed_card(name: str, sha256: str, interface: Interface, flip: bool) -> Card:
    """Read a network without a card by the document's rules.

    A sigmoid is P(fake); two softmax units are [fake, real], the folders' alphabetical order.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise UnusableModel(
            f"A network cannot be called {name!r}: rename the file to up to 64 letters, digits, "
            "dots, dashes and underscores, the first a letter or digit."
        )
    order: tuple[ClassName, ClassName]
    order = ("real", "fake") if interface.output == "sigmoid" else ("fake", "real")
    return Card(
        name=name,
        version="unknown",
        sha256=sha256,
        input=interface.input,
        class_order=(order[1], order[0]) if flip else order,
        parameters=interface.parameters,
    )


def _shape(spec: InputSpec) -> str:
    return f"{spec.height}x{spec.width}x{spec.channels}"
