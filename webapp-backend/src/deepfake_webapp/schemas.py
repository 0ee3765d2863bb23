"""What goes over the wire; the OpenAPI document and the page's types are made from these."""

from typing import Annotated, Any, Literal

from apiflask.fields import UploadFile
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.json_schema import SkipJsonSchema

from deepfake_detection.image.card import Card, ClassName, Verdict
from deepfake_detection.inference import FaceSearch, Reason
from deepfake_detection.inference.explain import Method
from deepfake_detection.inference.second_look import Alteration
from deepfake_webapp.inspection.report import Report

Probability = Annotated[float, Field(ge=0, le=1)]


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default")


class Answer(BaseModel):
    """Base of everything the API answers with."""

    model_config = ConfigDict(extra="forbid")


class PredictionQuery(BaseModel):
    """How to judge."""

    model: str | SkipJsonSchema[None] = Field(
        None,
        description="Name of a network; the default one if left out.",
        json_schema_extra=_without_default,
    )
    faces: FaceSearch = Field(
        "auto",
        description="auto: look for faces, and score each if the network is made for faces. "
        "off: score the whole image as it is.",
    )
    explain: bool = Field(False, description="Add heat maps; takes up to 65 times as long.")
    second_look: bool = Field(
        False, description="Score mildly altered copies too; a verdict that flips is left open."
    )


class Upload(BaseModel):
    """Images to judge together."""

    # A request without any is answered 400 by the view, so validation lets it pass.
    model_config = ConfigDict(json_schema_extra={"required": ["file"]})

    file: list[UploadFile] = Field(
        [], description="JPEG, PNG or WebP.", json_schema_extra=_without_default
    )

    @field_validator("file", mode="before")
    @classmethod
    def _none_is_empty(cls, value: object) -> object:
        return [] if value is None else value


class SingleUpload(BaseModel):
    """One image to judge."""

    model_config = Upload.model_config

    file: UploadFile | SkipJsonSchema[None] = Field(
        None, description="JPEG, PNG or WebP.", json_schema_extra=_without_default
    )


class Problem(Answer):
    """An RFC 9457 problem: what went wrong and what to do."""

    type: str = Field(examples=["urn:deepfake-detection:problem:unsupported-format"])
    title: str
    status: int
    detail: str
    request_id: str | None = None


class Timings(Answer):
    """Milliseconds spent on one file; ``network`` is the batch's. 0 for what was not asked for."""

    model_config = ConfigDict(from_attributes=True)

    decode: float
    faces: float
    network: float
    explain: float
    second_look: float
    total: float


class HeatMap(Answer):
    """Where the network found evidence of a fake, over a part of the upright image, in pixels."""

    model_config = ConfigDict(from_attributes=True)

    left: int
    top: int
    right: int
    bottom: int
    method: Method
    values: list[list[Probability]] = Field(
        description="Rows from the top; 1 is the strongest spot of this map."
    )


class AlteredScore(Answer):
    """The score after one mild change: saved as JPEG, made smaller, or mirrored."""

    model_config = ConfigDict(from_attributes=True)

    alteration: Alteration
    fake_probability: Probability


class SecondLook(Answer):
    """How far the score moves under mild changes to the face that decided, or the whole image."""

    model_config = ConfigDict(from_attributes=True)

    lowest: Probability
    highest: Probability
    scores: list[AlteredScore]


class Face(Answer):
    """A face and its box, in pixels of the upright image."""

    model_config = ConfigDict(from_attributes=True)

    left: int
    top: int
    right: int
    bottom: int
    score: Probability = Field(description="How certain the detector is of the face.")
    fake_probability: Probability | None = Field(
        description="Null if it was not scored: too small, or the network judges whole images."
    )
    too_small: bool = Field(description="Whether it has too few pixels to be judged.")
    decided: bool = Field(description="Whether the file's probability is this face's.")
    heat_map: HeatMap | None = Field(
        description="Null unless asked for; without global average pooling only of the one that "
        "decided."
    )


class Prediction(Answer):
    """One judged file."""

    file: str = Field(description="The file's name as it was sent.")
    fake_probability: Probability = Field(
        description="Calibrated; 1.0 is certainly fake. The highest, where faces were scored."
    )
    verdict: Verdict
    reason: Reason | None = Field(description="Why the verdict is inconclusive, if it is.")
    width: int = Field(description="Of the upright image, in pixels.")
    height: int
    faces: list[Face] = Field(description="The largest first, 32 at most.")
    heat_map: HeatMap | None = Field(
        description="Of the whole image, if asked for and if it was scored as a whole."
    )
    second_look: SecondLook | None = Field(description="Null unless asked for.")
    timings_ms: Timings


class FailedPrediction(Answer):
    """One file that could not be judged, among others that could."""

    file: str
    problem: Problem


class ModelReference(Answer):
    """Which network answered."""

    name: str
    version: str | None


class Predictions(Answer):
    """The results in the order the files were sent."""

    model: ModelReference
    results: list[Prediction | FailedPrediction]


class LegacyPrediction(Answer):
    """The answer of the reference system's call."""

    prediction: Probability = Field(description="P(fake); above 0.5 is fake.")
    verdict: Verdict
    model: str


class Inspection(Answer, Report):
    """What a file says about itself; no score takes it into account."""

    file: str = Field(description="The file's name as it was sent.")


class Reading(Answer):
    """How the network's output is read; unproven where no card says so."""

    output: Literal["sigmoid", "softmax"]
    class_order: tuple[ClassName, ClassName]
    proven: bool


class ModelSummary(Answer):
    """One ``.keras`` file of the model folder."""

    name: str
    state: Literal["ready", "converting", "unusable"]
    reason: str | None = Field(
        description="Why the file is unusable, or why a replacement or a card is not in use."
    )
    default: bool
    version: str | None
    summary: str
    parameters: int | None
    reading: Reading | None
    test_accuracy: Probability | None
    test_auc: Probability | None


class ModelList(Answer):
    """The model folder, the default network first."""

    models: list[ModelSummary]


class ModelDetail(ModelSummary):
    """One network with its card, if it has one."""

    card: Card | None


class LimitsAnswer(Answer):
    """What an upload may be."""

    max_file_bytes: int
    max_pixels: int
    max_files: int
    max_request_bytes: int


class TensorBoardStatus(Answer):
    """Whether the training curves can be shown yet."""

    state: Literal["ready", "starting", "unavailable"]
    detail: str


class Health(Answer):
    """What a probe reads."""

    status: Literal["alive", "ready"]
    detail: str = ""
