"""Say what an uploaded file tells about itself."""

import time

from apiflask import APIBlueprint
from flask import request

from deepfake_detection.image import ImageError
from deepfake_webapp import metrics, problems, schemas
from deepfake_webapp.context import parts
from deepfake_webapp.inspection.report import Report
from deepfake_webapp.inspection.run import InspectionTimeout, inspect
from deepfake_webapp.views import uploads

blueprint = APIBlueprint("inspections", __name__, tag="Inspections")
uploads.guard(blueprint)


@blueprint.post("/api/v1/inspections")
@blueprint.input(schemas.SingleUpload, location="files", arg_name="upload")
@blueprint.output(schemas.Inspection, description="What was found.")
@blueprint.doc(responses=problems.documented(*uploads.REFUSALS), operation_id="inspect")
def inspect_one(upload: schemas.SingleUpload) -> schemas.Inspection:  # noqa: ARG001 - documents
    """Say what a file tells about itself.

    EXIF, the compression and whether there was another before, error levels, traces of programs
    that make images, and a C2PA manifest. These are hints that anybody can forge or remove; no
    score takes them into account. Nothing is fetched from the network.
    """
    (file,) = uploads.checked(request.files.getlist("file"), 1)
    with parts().queue.slot(uploads.has_left):
        report = _inspect(file.read())
    return schemas.Inspection(file=file.filename or "", **dict(report))


def _inspect(data: bytes) -> Report:
    started = time.perf_counter()
    try:
        report = inspect(data, uploads.limits(), parts().settings.trust_anchors)
    except ImageError as error:
        raise problems.of_image(error) from error
    except InspectionTimeout as error:
        detail = "The server is too busy to take the file apart. Try again in a moment."
        raise problems.ProblemError(problems.BUSY, detail, retry_after=5) from error
    metrics.stage_seconds.labels("inspection").observe(time.perf_counter() - started)
    return report
