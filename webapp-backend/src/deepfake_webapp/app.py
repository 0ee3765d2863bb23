"""The application factory."""

import importlib.metadata
from pathlib import Path

from apiflask import APIFlask
from werkzeug.middleware.proxy_fix import ProxyFix

from deepfake_webapp import context, observe, openapi, problems, trusted_hosts
from deepfake_webapp.rate_limit import RateLimit
from deepfake_webapp.registry import Registry
from deepfake_webapp.scoring import ScoringQueue
from deepfake_webapp.settings import Settings
from deepfake_webapp.tensorboard.upstream import (
    ExternalTensorBoard,
    OwnTensorBoard,
    Upstream,
)
from deepfake_webapp.upload_room import UploadRoom
from deepfake_webapp.views import (
    health,
    inspections,
    metrics,
    models,
    page,
    predictions,
    tensorboard,
)

DESCRIPTION = (
    "Upload photographs and learn how likely each is a deepfake. "
    "A verdict is an estimate by a neural network, not proof."
)


def create_app(
    settings: Settings | None = None, *, tensorboard_status: Path | None = None
) -> APIFlask:
    """Build the application; its model folder is watched once ``Registry.start`` is called.

    Args:
        settings: Read from the environment if left out.
        tensorboard_status: What TensorBoard's supervisor writes, if there is one.

    Raises:
        SettingsError: If the environment holds a bad value.
    """
    settings = settings or Settings.read()
    app = APIFlask(
        "deepfake_webapp",
        title="ml-deepfake-detection",
        version=importlib.metadata.version("deepfake-webapp"),
        spec_path="/api/v1/openapi.json",
        docs_path=None,
        json_errors=False,
        static_folder=None,  # type: ignore[arg-type]  # the page is served by views.page
    )
    _configure(app, settings)
    context.attach(app, _parts(settings, tensorboard_status))
    for module in (predictions, inspections, models, health, tensorboard, metrics):
        app.register_blueprint(module.blueprint)
    observe.register(app)
    trusted_hosts.register(app)
    problems.register(app)
    page.register(app)
    app.spec_processor(openapi.finish)
    if hops := settings.trusted_proxies:
        proxied = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)
        app.wsgi_app = proxied  # type: ignore[method-assign]
    return app


def _parts(settings: Settings, tensorboard_status: Path | None) -> context.Parts:
    queue = ScoringQueue(settings.scoring_slots, settings.queue_length, settings.queue_seconds)
    upstream: Upstream = OwnTensorBoard(tensorboard_status)
    if settings.tensorboard_upstream:
        upstream = ExternalTensorBoard(str(settings.tensorboard_upstream))
    per_minute = settings.uploads_per_minute
    rate_limit = RateLimit(per_minute) if per_minute else None
    room = UploadRoom(max(settings.max_held_bytes, settings.max_request_bytes))
    return context.Parts(settings, Registry(settings), queue, upstream, rate_limit, room)


def _configure(app: APIFlask, settings: Settings) -> None:
    app.json.sort_keys = False  # type: ignore[attr-defined]  # keep the schemas' order
    app.config.update(
        MAX_CONTENT_LENGTH=settings.max_request_bytes,
        MAX_FORM_PARTS=2 * settings.max_files,
        MAX_FORM_MEMORY_SIZE=100_000,
        OPENAPI_VERSION="3.1.0",
        DESCRIPTION=DESCRIPTION,
        AUTO_SERVERS=False,
        AUTO_404_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
    )
