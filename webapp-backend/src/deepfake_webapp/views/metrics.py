"""Figures for Prometheus."""

import ipaddress

from apiflask import APIBlueprint
from flask import Response, request
from prometheus_client import CONTENT_TYPE_LATEST
from werkzeug.exceptions import NotFound

from deepfake_webapp import metrics
from deepfake_webapp.context import parts

blueprint = APIBlueprint("metrics", __name__, enable_openapi=False)

_FORWARDING = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


@blueprint.get("/metrics")
def read() -> Response:
    """Answer with the figures of all workers, to whom the settings let read them."""
    allowed = parts().settings.metrics
    if allowed == "off" or (allowed == "loopback" and not _from_this_machine()):
        raise NotFound
    metrics.tensorboard_ready.set(parts().tensorboard.status().state == "ready")
    return Response(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)


def _from_this_machine() -> bool:
    """Whether the client itself, not a proxy in front of it, is on loopback."""
    if any(name in request.headers for name in _FORWARDING):
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
