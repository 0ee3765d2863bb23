"""TensorBoard under our own origin: a proxy to one upstream that no request can change."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from urllib.parse import quote

import urllib3
from apiflask import APIBlueprint
from flask import Response, request
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.wrappers import Response as AnyResponse

from deepfake_webapp import problems, schemas
from deepfake_webapp.context import parts

blueprint = APIBlueprint("tensorboard", __name__, tag="TensorBoard")

# What TensorBoard's page asks by POST; all of them only read.
_POST_ROUTES = re.compile(
    r"(experiment/[^/]+/)?data/plugin/(scalars/scalars_multirun|timeseries/timeSeries"
    r"|hparams/(experiment|session_groups|metric_evals))"
)
_MAX_BODY = 1_000_000
_TIMEOUT = urllib3.Timeout(connect=2, read=30)
_CHUNK = 64 * 1024

# Lists of what may pass, so that nothing hop-by-hop, no cookie and no credential does.
_REQUEST_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "If-None-Match", "User-Agent")
_RESPONSE_HEADERS = (
    "Cache-Control",
    "Content-Encoding",
    "Content-Length",
    "Content-Security-Policy",
    "Content-Type",
    "ETag",
    "Expires",
    "Last-Modified",
    "Vary",
)

_WAITING = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="1">
<title>TensorBoard</title>
<body style="font-family: sans-serif; padding: 2rem">
<p role="status">{detail} This page shows it as soon as it answers.</p>
"""


@blueprint.get("/api/v1/tensorboard")
@blueprint.output(schemas.TensorBoardStatus, description="Its state.")
@blueprint.doc(operation_id="getTensorBoard")
def status() -> schemas.TensorBoardStatus:
    """Say whether the training curves can be shown yet."""
    return parts().tensorboard.status()


@blueprint.get("/tensorboard/", defaults={"path": ""})
@blueprint.route("/tensorboard/<path:path>", methods=["GET", "POST"])
@blueprint.doc(hide=True)
def proxy(path: str) -> AnyResponse:
    """Pass a request on to TensorBoard."""
    if {".", ".."} & set(re.split(r"[/\\]", path)):
        raise problems.ProblemError(problems.NOT_FOUND, "There is nothing at this address.")
    if request.method == "POST" and not _POST_ROUTES.fullmatch(path):
        raise MethodNotAllowed(valid_methods=["GET", "HEAD"])
    pool = parts().tensorboard.pool()
    if pool is None:
        return _not_yet()
    try:
        return _passed_on(pool, path)
    except urllib3.exceptions.HTTPError:
        return _not_yet()


def _passed_on(pool: urllib3.HTTPConnectionPool, path: str) -> Response:
    request.max_content_length = _MAX_BODY
    answer = pool.urlopen(
        request.method,
        _target(path),
        body=request.get_data() or None,
        headers={
            name: request.headers[name] for name in _REQUEST_HEADERS if name in request.headers
        },
        timeout=_TIMEOUT,
        retries=False,
        redirect=False,
        preload_content=False,
        decode_content=False,
    )
    headers = {name: answer.headers[name] for name in _RESPONSE_HEADERS if name in answer.headers}
    if policy := headers.get("Content-Security-Policy"):
        headers["Content-Security-Policy"] = f"{policy};frame-ancestors 'self'"
    return Response(_body(answer), status=answer.status, headers=headers)


def _target(path: str) -> str:
    query = request.query_string.decode("latin-1")
    return "/tensorboard/" + quote(path) + (f"?{query}" if query else "")


def _body(answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    try:
        yield from answer.stream(_CHUNK, decode_content=False)
    finally:
        answer.release_conn()


def _not_yet() -> Response:
    detail = parts().tensorboard.status().detail
    # A browser accepts anything, but a page rather; without a preference it is a program.
    if request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
        body = _WAITING.format(detail=detail)
        retry = {"Retry-After": "1"}
        return Response(body, HTTPStatus.SERVICE_UNAVAILABLE, retry, content_type="text/html")
    raise problems.ProblemError(problems.TENSORBOARD_NOT_READY, detail, retry_after=1)
