"""What views share: the parts of one worker, hung on its application."""

from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app

from deepfake_webapp.rate_limit import RateLimit
from deepfake_webapp.registry import Registry
from deepfake_webapp.scoring import ScoringQueue
from deepfake_webapp.settings import Settings
from deepfake_webapp.tensorboard.upstream import Upstream
from deepfake_webapp.upload_room import UploadRoom

_KEY = "deepfake-webapp"


@dataclass(frozen=True)
class Parts:
    """The parts of one worker."""

    settings: Settings
    registry: Registry
    queue: ScoringQueue
    tensorboard: Upstream
    rate_limit: RateLimit | None
    upload_room: UploadRoom


def attach(app: Flask, attached: Parts) -> None:
    """Hang the parts on an application."""
    app.extensions[_KEY] = attached


def of(app: Flask) -> Parts:
    """The parts of an application."""
    return cast(Parts, app.extensions[_KEY])


def parts() -> Parts:
    """The parts of the application that answers this request."""
    return of(current_app)
