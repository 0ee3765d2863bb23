"""Around every request: an id, one line in the log, one count, and the browser's policies."""

import logging
import re
import time
import uuid
from http import HTTPMethod

from apiflask import APIFlask
from flask import Response, g, request

from deepfake_webapp import metrics
from deepfake_webapp.context import parts

POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' blob: data:",
        "style-src 'self' 'unsafe-inline'",
        "script-src 'self'",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

logger = logging.getLogger("deepfake_webapp.access")


def register(app: APIFlask) -> None:
    """Watch every request of ``app``."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    g.started = time.perf_counter()
    g.request_id = _request_id()


def _request_id() -> str:
    """The trusted proxy's id, else a new one."""
    given = request.headers.get("X-Request-ID", "")
    if parts().settings.trusted_proxies and _REQUEST_ID.fullmatch(given):
        return given
    return uuid.uuid4().hex


def _known(method: str) -> str:
    """The method, of those that exist: a made-up one for each request would fill the memory."""
    return method if method in HTTPMethod.__members__ else "other"


def _end(response: Response) -> Response:
    seconds = time.perf_counter() - g.started
    route = request.url_rule.rule if request.url_rule else "(page)"
    metrics.requests.labels(_known(request.method), route, response.status_code).inc()
    metrics.request_seconds.labels(route).observe(seconds)
    fields = {
        "method": request.method,
        "path": request.path,
        "status": response.status_code,
        "milliseconds": round(seconds * 1000, 2),
    }
    logger.info("request", extra={"fields": fields})
    response.headers["X-Request-ID"] = g.request_id
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response
