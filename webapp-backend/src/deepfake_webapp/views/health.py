"""What probes ask."""

from apiflask import APIBlueprint

from deepfake_webapp import problems, schemas
from deepfake_webapp.context import parts

blueprint = APIBlueprint("health", __name__, tag="Health")


@blueprint.get("/livez")
@blueprint.output(schemas.Health, description="The process answers.")
@blueprint.doc(operation_id="isAlive")
def livez() -> schemas.Health:
    """Say that the process answers."""
    return schemas.Health(status="alive")


@blueprint.get("/readyz")
@blueprint.output(schemas.Health, description="The default network can judge.")
@blueprint.doc(
    operation_id="isReady",
    responses=problems.documented(problems.MODEL_NOT_READY, problems.NO_USABLE_MODEL),
)
def readyz() -> schemas.Health:
    """Say whether the default network can judge."""
    name, _ = parts().registry.choose(None)
    return schemas.Health(status="ready", detail=f"The model {name!r} answers.")
