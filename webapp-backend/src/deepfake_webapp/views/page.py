"""The built page. It takes the addresses that nothing else claims, so it answers where a 404 would.

A route for every path would turn the 404 and 405 of the API into something else.
"""

from pathlib import PurePosixPath

from apiflask import APIFlask
from flask import Response, request, send_from_directory
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.wrappers import Response as AnyResponse

from deepfake_webapp import problems
from deepfake_webapp.context import parts

_RESERVED = ("/api/v1", "/tensorboard", "/predict", "/metrics", "/livez", "/readyz")
_ASSETS = "/assets/"
_FOREVER = "public, max-age=31536000, immutable"


def register(app: APIFlask) -> None:
    """Serve the page from ``app``."""
    app.register_error_handler(NotFound, _answer)


def _answer(error: NotFound) -> AnyResponse:
    if request.method not in ("GET", "HEAD") or _reserved(request.path):
        return problems.answer_http(error)
    try:
        return _page()
    except HTTPException as refusal:  # within a handler of errors no other one sees it
        return problems.answer_http(refusal)


def _page() -> Response:
    try:
        return _file(request.path.lstrip("/") or "index.html")
    except NotFound:
        if PurePosixPath(request.path).suffix or not request.accept_mimetypes.accept_html:
            raise
    return _index()


def _reserved(path: str) -> bool:
    return any(path == name or path.startswith(name + "/") for name in _RESERVED)


def _index() -> Response:
    """The page itself, which finds the view for the address."""
    try:
        return _file("index.html")
    except NotFound:
        detail = "The page has not been built yet. Run `make run`, which builds and serves it."
        return problems.answer(problems.ProblemError(problems.NO_PAGE, detail))


def _file(name: str) -> Response:
    response = send_from_directory(parts().settings.page_folder.absolute(), name)
    hashed = request.path.startswith(_ASSETS)
    response.headers["Cache-Control"] = _FOREVER if hashed else "no-cache"
    return response
