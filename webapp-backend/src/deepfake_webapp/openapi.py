"""The OpenAPI document: APIFlask's, with each wire schema in it once and every problem said."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from deepfake_webapp import problems, schemas

_REF = "#/components/schemas/{model}"
_SENT = (schemas.Upload, schemas.SingleUpload)


def finish(document: Any) -> Any:
    """Put what APIFlask leaves out into its document, and order it."""
    # APIFlask repeats nested models under each parent's name; pydantic's own names are stable.
    _, definitions = models_json_schema(list(_schemas()), ref_template=_REF)
    document["components"]["schemas"] = dict(sorted(definitions["$defs"].items()))
    for path in document["paths"].values():
        for operation in path.values():
            if body := operation.get("requestBody"):
                body["required"] = True
            operation["responses"]["default"] = problems.documented_response(["Any other problem"])
    document["paths"] = dict(sorted(document["paths"].items()))
    return document


def _schemas() -> Iterator[tuple[type[BaseModel], JsonSchemaMode]]:
    yield from ((model, "validation") for model in _SENT)
    for model in _descendants(schemas.Answer):
        yield model, "serialization"


def _descendants(parent: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for child in parent.__subclasses__():
        yield child
        yield from _descendants(child)
