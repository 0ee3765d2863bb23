"""Have a child process inspect a file (``deepfake_webapp.inspection.child``)."""

import logging
import subprocess
import sys
import tempfile
from pathlib import Path

from deepfake_detection.image import Limits, UndecodableImage, open_image
from deepfake_webapp.inspection.report import Report

# Far more than a child's processor time: only a machine that is overloaded takes so long.
TIMEOUT_SECONDS = 20
# The child's exit status for an image that cannot be decoded.
UNDECODABLE = 3

logger = logging.getLogger(__name__)


class InspectionTimeout(Exception):
    """The machine was too busy."""


def inspect(data: bytes, limits: Limits, trust_anchors: Path | None = None) -> Report:
    """Find out what a file says about itself, in some 0.5 s.

    Args:
        data: The file.
        limits: As in ``decode``.
        trust_anchors: PEM file of the certificates whose C2PA signatures count as trusted.

    Raises:
        EmptyImage, ImageTooLarge, UnsupportedFormat, UndecodableImage: As ``decode`` does.
        InspectionTimeout: If the child did not get to its end.
    """
    # What the header tells needs no child.
    open_image(data, limits)
    module = "deepfake_webapp.inspection.child"
    arguments = [sys.executable, "-I", "-m", module, str(limits.max_bytes), str(limits.max_pixels)]
    with tempfile.TemporaryFile() as answer:
        try:
            child = subprocess.run(
                [*arguments, *([str(trust_anchors)] if trust_anchors else [])],
                # No proxies or credentials; and one thread, or the limit on memory would not do.
                env={"OPENBLAS_NUM_THREADS": "1"},
                input=data,
                # A file, because the limit on its size holds there and not in a pipe.
                stdout=answer,
                stderr=subprocess.DEVNULL,
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise InspectionTimeout from error
        if child.returncode == 0:
            answer.seek(0)
            return Report.model_validate_json(answer.read())
    if child.returncode != UNDECODABLE:
        logger.warning("taking a file apart ended with status %d", child.returncode)
    raise UndecodableImage(
        "The image is damaged, or takes more time or memory to be taken apart than is allowed. "
        "Export it again, or send the original file."
    )
