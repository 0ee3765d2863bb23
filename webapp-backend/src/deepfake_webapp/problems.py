"""Everything that can go wrong, as RFC 9457 problems: one kind a status and a stable ``type``."""

import contextlib
import errno
import http
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO, Any

from apiflask import APIFlask, HTTPError
from flask import Response, current_app, g, request
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Response as AnyResponse

from deepfake_detection.image import (
    EmptyImage,
    ImageError,
    ImageTooLarge,
    UndecodableImage,
    UnsupportedFormat,
)
from deepfake_webapp.schemas import Problem
from deepfake_webapp.worker import ClientSocket, ClientTooSlow

MEDIA_TYPE = "application/problem+json"
# What is still read of a refused request: one image of the largest size, from a good connection.
DRAIN_BYTES = 24_000_000
DRAIN_SECONDS = 5
_URN = "urn:deepfake-detection:problem:"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kind:
    """One kind of problem: the end of its ``type``, its status and its title."""

    slug: str
    status: int
    title: str


UNTRUSTED_HOST = Kind("untrusted-host", 400, "Not a name of this server")
NO_FILE = Kind("no-file", 400, "No file in the request")
UNKNOWN_MODEL = Kind("unknown-model", 404, "No such model")
NOT_FOUND = Kind("not-found", 404, "Nothing at this address")
FILE_TOO_LARGE = Kind("file-too-large", 413, "Image too large")
REQUEST_TOO_LARGE = Kind("request-too-large", 413, "Request too large")
TOO_MANY_FILES = Kind("too-many-files", 413, "Too many files in one request")
UNSUPPORTED_FORMAT = Kind("unsupported-format", 415, "Not an image format that can be read")
EMPTY_FILE = Kind("empty-file", 422, "Empty file")
UNDECODABLE_IMAGE = Kind("undecodable-image", 422, "Damaged image")
BAD_PARAMETER = Kind("bad-parameter", 422, "Parameter not understood")
UPLOAD_TOO_SLOW = Kind("upload-too-slow", 408, "Upload too slow")
TOO_MANY_UPLOADS = Kind("too-many-uploads", 429, "Too many uploads from one address")
# Nobody reads these two; they stand in the log and in the figures, 499 as in nginx's.
UPLOAD_BROKEN_OFF = Kind("upload-broken-off", 400, "Upload broken off")
CLIENT_LEFT = Kind("client-left", 499, "Client left while it waited")
INTERNAL = Kind("internal-error", 500, "Something failed on our side")
DISK_FULL = Kind("disk-full", 503, "No room for the upload")
BUSY = Kind("busy", 503, "Too many requests at once")
MODEL_NOT_READY = Kind("model-not-ready", 503, "Model still being prepared")
NO_USABLE_MODEL = Kind("no-usable-model", 503, "No model can answer")
TENSORBOARD_NOT_READY = Kind("tensorboard-not-ready", 503, "TensorBoard is not ready")
NO_PAGE = Kind("no-page", 503, "The page has not been built")

_WORTH_ANOTHER_TRY = (http.HTTPStatus.TOO_MANY_REQUESTS, http.HTTPStatus.SERVICE_UNAVAILABLE)

_IMAGE_KINDS: dict[type[Exception], Kind] = {
    EmptyImage: EMPTY_FILE,
    ImageTooLarge: FILE_TOO_LARGE,
    UnsupportedFormat: UNSUPPORTED_FORMAT,
    UndecodableImage: UNDECODABLE_IMAGE,
}


class ProblemError(Exception):
    """Ends a request with a problem.

    Args:
        kind: What went wrong.
        detail: A sentence for the person who asked.
        retry_after: Seconds after which asking again makes sense.
    """

    def __init__(self, kind: Kind, detail: str, *, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.retry_after = retry_after


def of_image(error: ImageError | OSError) -> ProblemError:
    """The problem behind an image that could not be judged."""
    kind = _IMAGE_KINDS.get(type(error))
    if kind is None:
        raise error
    return ProblemError(kind, str(error))


def describe(error: ProblemError) -> Problem:
    """The problem as it goes over the wire."""
    return Problem(
        type=_URN + error.kind.slug,
        title=error.kind.title,
        status=error.kind.status,
        detail=error.detail,
        request_id=g.get("request_id"),
    )


def documented(*kinds: Kind) -> dict[int | str, Any]:
    """OpenAPI responses for the problems an operation may answer with."""
    return {
        status: documented_response([kind.title for kind in kinds if kind.status == status], status)
        for status in sorted({kind.status for kind in kinds})
    }


def documented_response(titles: Iterable[str], status: int | None = None) -> dict[str, Any]:
    """One OpenAPI response with a problem as its body."""
    schema = {"$ref": "#/components/schemas/Problem"}
    response: dict[str, Any] = {
        "description": "; ".join(titles),
        "content": {MEDIA_TYPE: {"schema": schema}},
    }
    if status in _WORTH_ANOTHER_TRY:
        retry_after = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
        response["headers"] = {"Retry-After": retry_after}
    return response


def register(app: APIFlask) -> None:
    """Answer every error of ``app`` with a problem."""
    app.register_error_handler(ProblemError, answer)
    app.register_error_handler(HTTPError, _answer_bad_parameter)
    app.register_error_handler(RequestEntityTooLarge, _answer_too_large)
    app.register_error_handler(HTTPException, answer_http)
    app.register_error_handler(ClientDisconnected, _answer_broken_off)
    app.register_error_handler(ParseException, _answer_malformed)
    app.register_error_handler(Exception, _answer_unexpected)


def answer(error: ProblemError) -> Response:
    """The response for a problem."""
    body = describe(error).model_dump_json()
    response = Response(body, status=error.kind.status, content_type=MEDIA_TYPE)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _answer_bad_parameter(error: HTTPError) -> Response:
    faults = [
        f"{name}: {messages[0]}"
        for location in error.detail.values()
        for name, messages in location.items()
    ]
    return answer(ProblemError(BAD_PARAMETER, "; ".join(faults) + "."))


def _answer_too_large(_: RequestEntityTooLarge) -> Response:
    drain()
    limit = current_app.config["MAX_CONTENT_LENGTH"] / 1e6
    detail = f"A request may have {limit:g} MB, and no more parts than files are allowed."
    return answer(ProblemError(REQUEST_TOO_LARGE, detail))


def drain() -> None:
    """Read what the client still sends: closing at once would reset its connection unanswered.

    Whoever sends far more, or slowly, is reset nevertheless, and does not hold a thread meanwhile.
    """
    connection = request.environ.get("gunicorn.socket")
    if isinstance(connection, ClientSocket):
        connection.end_request(DRAIN_SECONDS)
    body: IO[bytes] = request.environ["wsgi.input"]
    # What is thrown away takes no room.
    stream = getattr(body, "raw", body)
    left = DRAIN_BYTES
    # A client that has left, or sends no more, needs no answer; nor does one of broken chunks.
    with contextlib.suppress(OSError, ParseException):
        while left > 0 and (chunk := stream.read(min(left, 1 << 20))):
            left -= len(chunk)


def _answer_broken_off(error: ClientDisconnected) -> Response:
    if isinstance(error.__context__, ClientTooSlow):
        detail = "The images arrive too slowly. Try a better connection, or smaller images."
        return answer(ProblemError(UPLOAD_TOO_SLOW, detail))
    return answer(ProblemError(UPLOAD_BROKEN_OFF, "The connection ended before the request did."))


def _answer_malformed(_: ParseException) -> Response:
    detail = "The request's body is not sent as its headers say."
    return answer(ProblemError(UPLOAD_BROKEN_OFF, detail))


def answer_http(error: HTTPException) -> AnyResponse:
    """The response for an error of Flask's own; a redirect stays one."""
    if error.code is None or error.code < http.HTTPStatus.BAD_REQUEST:
        return error.get_response(request.environ)
    status = http.HTTPStatus(error.code)
    kind = NOT_FOUND
    if status != http.HTTPStatus.NOT_FOUND:
        kind = Kind(status.phrase.lower().replace(" ", "-"), status, status.phrase)
    response = answer(ProblemError(kind, error.description or status.description))
    for name, value in error.get_headers():
        if name != "Content-Type":
            response.headers[name] = value
    return response


def _answer_unexpected(error: Exception) -> Response:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        logger.error("the disk for temporary files is full")
        detail = "The server has no room for the upload at the moment. Try again later."
        return answer(ProblemError(DISK_FULL, detail, retry_after=60))
    logger.error("unexpected error", exc_info=error)
    detail = "The error was logged. If it happens again, report the request id."
    return answer(ProblemError(INTERNAL, detail))
