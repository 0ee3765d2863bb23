"""Answer only under the names that the operator gave the service, if any."""

from apiflask import APIFlask
from flask import request
from werkzeug.sansio.utils import host_is_trusted

from deepfake_webapp.context import parts
from deepfake_webapp.problems import UNTRUSTED_HOST, ProblemError, drain

# Probes ask a container by its address.
_UNDER_ANY_NAME = ("/livez", "/readyz")


def register(app: APIFlask) -> None:
    """Refuse other names before anything is looked up."""
    app.before_request(_refuse_other_names)


def _refuse_other_names() -> None:
    trusted = parts().settings.trusted_hosts
    if not trusted or request.path in _UNDER_ANY_NAME:
        return
    # Flask's TRUSTED_HOSTS would refuse the probes too.
    if not host_is_trusted(request.headers.get("Host"), trusted):
        drain()
        raise ProblemError(UNTRUSTED_HOST, "This server is not asked under that name.")
