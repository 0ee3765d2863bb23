"""Judge uploaded images."""

from collections.abc import Sequence

from apiflask import APIBlueprint
from flask import request
from werkzeug.datastructures import FileStorage

from deepfake_detection.inference import Judgement, judge
from deepfake_webapp import metrics, problems, schemas
from deepfake_webapp.context import parts
from deepfake_webapp.views import uploads

blueprint = APIBlueprint("predictions", __name__, tag="Predictions")
uploads.guard(blueprint)

_PROBLEMS = problems.documented(
    *uploads.REFUSALS,
    problems.UNKNOWN_MODEL,
    problems.MODEL_NOT_READY,
    problems.NO_USABLE_MODEL,
)


@blueprint.post("/api/v1/predictions")
@blueprint.input(schemas.PredictionQuery, location="query", arg_name="query")
@blueprint.input(schemas.Upload, location="files", arg_name="upload")
@blueprint.output(schemas.Predictions, description="One result for each file, in order.")
@blueprint.doc(responses=_PROBLEMS, operation_id="predict")
def predict(query: schemas.PredictionQuery, upload: schemas.Upload) -> schemas.Predictions:
    """Judge images.

    All images of a request are judged by one network. Where one of several cannot be judged, its
    result says why; where the only one cannot, the answer is that problem. An image without a face
    that can be judged is scored as a whole, and the verdict is inconclusive.
    """
    files = uploads.checked(upload.file, parts().settings.max_files)
    model, outcomes = _judge(files, query)
    results = [_result(file, outcome) for file, outcome in zip(files, outcomes, strict=True)]
    return schemas.Predictions(model=model, results=results)


@blueprint.post("/predict")
@blueprint.input(schemas.SingleUpload, location="files", arg_name="upload")
@blueprint.output(schemas.LegacyPrediction, description="The answer.")
@blueprint.doc(responses=_PROBLEMS, operation_id="predictOne")
def predict_one(upload: schemas.SingleUpload) -> schemas.LegacyPrediction:  # noqa: ARG001 - documents
    """Judge one image with the default network, as the reference system's call does."""
    files = uploads.checked(request.files.getlist("file"), 1)
    model, (outcome,) = _judge(files, schemas.PredictionQuery())
    if not isinstance(outcome, Judgement):
        raise outcome
    return schemas.LegacyPrediction(
        prediction=outcome.fake_probability, verdict=outcome.verdict, model=model.name
    )


def _judge(
    files: Sequence[FileStorage], query: schemas.PredictionQuery
) -> tuple[schemas.ModelReference, list[Judgement | problems.ProblemError]]:
    name, network = parts().registry.choose(query.model)
    with parts().queue.slot(uploads.has_left):
        images = [file.read() for file in files]
        uploads.check_pixels(images)
        outcomes = judge(
            network,
            images,
            faces=query.faces,
            explain=query.explain,
            second_look=query.second_look,
            limits=uploads.limits(),
        )
    _count(name, [outcome for outcome in outcomes if isinstance(outcome, Judgement)])
    judged = [o if isinstance(o, Judgement) else problems.of_image(o) for o in outcomes]
    if len(judged) == 1 and not isinstance(judged[0], Judgement):
        raise judged[0]
    return schemas.ModelReference(name=name, version=network.card.version), judged


def _count(model: str, judgements: Sequence[Judgement]) -> None:
    for judgement in judgements:
        metrics.verdicts.labels(model, judgement.verdict).inc()
        for stage in ("decode", "faces", "explain", "second_look"):
            if milliseconds := getattr(judgement.timings_ms, stage):
                metrics.stage_seconds.labels(stage).observe(milliseconds / 1000)
    for judgement in judgements[:1]:
        metrics.stage_seconds.labels("network").observe(judgement.timings_ms.network / 1000)


def _result(
    file: FileStorage, outcome: Judgement | problems.ProblemError
) -> schemas.Prediction | schemas.FailedPrediction:
    name = file.filename or ""
    if not isinstance(outcome, Judgement):
        return schemas.FailedPrediction(file=name, problem=problems.describe(outcome))
    return schemas.Prediction(
        file=name,
        fake_probability=outcome.fake_probability,
        verdict=outcome.verdict,
        reason=outcome.reason,
        width=outcome.width,
        height=outcome.height,
        faces=[schemas.Face.model_validate(face) for face in outcome.faces],
        heat_map=outcome.heat_map and schemas.HeatMap.model_validate(outcome.heat_map),
        second_look=outcome.second_look and schemas.SecondLook.model_validate(outcome.second_look),
        timings_ms=schemas.Timings.model_validate(outcome.timings_ms),
    )
