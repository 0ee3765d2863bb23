"""Which networks there are, and what an upload may be."""

from apiflask import APIBlueprint

from deepfake_detection.image import Card
from deepfake_detection.image.card import Scores
from deepfake_webapp import problems, schemas
from deepfake_webapp.context import parts
from deepfake_webapp.registry import Entry

blueprint = APIBlueprint("models", __name__, url_prefix="/api/v1", tag="Models")


@blueprint.get("/models")
@blueprint.output(schemas.ModelList, description="The default network first.")
@blueprint.doc(operation_id="listModels")
def list_models() -> schemas.ModelList:
    """List the networks of the model folder, the unusable ones with the reason."""
    registry = parts().registry
    return schemas.ModelList(models=[_summary(entry) for entry in registry.entries()])


@blueprint.get("/models/<name>")
@blueprint.output(schemas.ModelDetail, description="The network.")
@blueprint.doc(operation_id="getModel", responses=problems.documented(problems.UNKNOWN_MODEL))
def get_model(name: str) -> schemas.ModelDetail:
    """Show one network with its card."""
    entry = parts().registry.find(name)
    return schemas.ModelDetail(**_summary(entry).model_dump(), card=_card(entry))


@blueprint.get("/limits")
@blueprint.output(schemas.LimitsAnswer, description="The limits.")
@blueprint.doc(operation_id="getLimits")
def get_limits() -> schemas.LimitsAnswer:
    """Say what an upload may be."""
    settings = parts().settings
    return schemas.LimitsAnswer(
        max_file_bytes=settings.max_file_bytes,
        max_pixels=settings.max_pixels,
        max_files=settings.max_files,
        max_request_bytes=settings.max_request_bytes,
    )


def _card(entry: Entry) -> Card | None:
    """The card that vouches for the network, not one made up from its structure."""
    if entry.network is None or not entry.network.reading.proven:
        return None
    return entry.network.card


def _test_scores(card: Card) -> Scores | None:
    tests = [e for e in card.evaluations if e.split.lower() == "test" and "all" in e.sources]
    return tests[0].sources["all"] if tests else None


def _summary(entry: Entry) -> schemas.ModelSummary:
    network, card = entry.network, _card(entry)
    default = parts().registry.default()
    test = _test_scores(card) if card else None
    return schemas.ModelSummary(
        name=entry.name,
        state=entry.state,
        reason=entry.reason,
        default=default is not None and default.name == entry.name,
        version=card.version if card else None,
        summary=card.summary if card else "",
        parameters=network.card.parameters if network else None,
        reading=schemas.Reading(**network.reading.model_dump()) if network else None,
        test_accuracy=test.accuracy if test else None,
        test_auc=test.auc if test else None,
    )
