"""The document says what the server does."""

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from deepfake_webapp.app import create_app
from deepfake_webapp.problems import MEDIA_TYPE
from deepfake_webapp.settings import Settings
from tests.conftest import Server

DOCUMENT = create_app(Settings()).spec


def operations() -> list[dict]:
    return [operation for path in DOCUMENT["paths"].values() for operation in path.values()]


def test_every_operation_is_described_and_every_error_is_a_problem() -> None:
    for operation in operations():
        assert operation["summary"]
        assert operation["operationId"]
        for status, response in operation["responses"].items():
            problem = status not in ("200",)
            assert set(response["content"]) == {MEDIA_TYPE if problem else "application/json"}
            assert response["description"]
            assert ("Retry-After" in response.get("headers", {})) == (status in ("429", "503"))


def test_uploads_and_parameters_are_documented() -> None:
    predict = DOCUMENT["paths"]["/api/v1/predictions"]["post"]
    named = [parameter["name"] for parameter in predict["parameters"]]
    assert named == ["model", "faces", "explain", "second_look"]
    shared = {"200", "400", "413", "415", "422", "429", "503", "default"}
    assert set(predict["responses"]) == shared | {"404"}
    body = predict["requestBody"]
    assert body["required"]
    assert list(body["content"]) == ["multipart/form-data"]
    assert DOCUMENT["components"]["schemas"]["Upload"]["required"] == ["file"]
    inspect = DOCUMENT["paths"]["/api/v1/inspections"]["post"]
    assert set(inspect["responses"]) == shared


def test_what_is_no_part_of_the_interface_is_not_in_it() -> None:
    assert "/metrics" not in str(DOCUMENT)


schema = schemathesis.openapi.from_dict(DOCUMENT)


@pytest.mark.slow
@schema.parametrize()
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_the_server_keeps_to_its_document(case: schemathesis.Case, tiny: Server) -> None:
    # Random bytes are a valid request by the document, and no image.
    case.call_and_validate(base_url=tiny.url, excluded_checks=[positive_data_acceptance])
