"""What every call that takes images does before it looks at them."""

from collections.abc import Sequence

from apiflask import APIBlueprint
from flask import g, request
from werkzeug.datastructures import FileStorage

from deepfake_detection.image import ImageError, Limits, open_image
from deepfake_webapp import problems
from deepfake_webapp.context import parts
from deepfake_webapp.upload_room import MeteredInput
from deepfake_webapp.worker import ClientSocket

# Why an upload may be refused, whatever was asked about it.
REFUSALS = (
    problems.NO_FILE,
    problems.FILE_TOO_LARGE,
    problems.REQUEST_TOO_LARGE,
    problems.TOO_MANY_FILES,
    problems.UNSUPPORTED_FORMAT,
    problems.EMPTY_FILE,
    problems.UNDECODABLE_IMAGE,
    problems.BAD_PARAMETER,
    problems.TOO_MANY_UPLOADS,
    problems.BUSY,
    problems.DISK_FULL,
)


def guard(blueprint: APIBlueprint) -> None:
    """Refuse what comes too often or finds no room before the form is read."""
    blueprint.before_request(_refuse_if_too_many)
    blueprint.before_request(_refuse_if_full)
    blueprint.before_request(_meter)
    blueprint.teardown_request(_give_room_back)


def _refuse_if_too_many() -> None:
    """Answer 429 to a client that has used up its minute."""
    limit = parts().rate_limit
    if limit is None or not (seconds := limit.seconds_to_wait()):
        return
    problems.drain()
    detail = f"Too many uploads came from your address. Try again in {seconds} s."
    raise problems.ProblemError(problems.TOO_MANY_UPLOADS, detail, retry_after=seconds)


def _refuse_if_full() -> None:
    """Answer 503 before the images are taken apart, which is most of what a refusal costs."""
    declared = min(request.content_length or 0, parts().settings.max_request_bytes)
    try:
        parts().queue.check_room()
        parts().upload_room.check(declared)
    except problems.ProblemError:
        problems.drain()
        raise


def _meter() -> None:
    """Have the form take room as it comes."""
    g.body = MeteredInput(request.environ["wsgi.input"], parts().upload_room)
    request.environ["wsgi.input"] = g.body


def _give_room_back(_: BaseException | None) -> None:
    if "body" in g:
        g.body.give_back()


def has_left() -> bool:
    """Whether the client of this request is gone."""
    connection = request.environ.get("gunicorn.socket")
    return isinstance(connection, ClientSocket) and connection.has_left()


def checked(files: Sequence[FileStorage], most: int) -> list[FileStorage]:
    """Return the files that were sent.

    Raises:
        ProblemError: 400 if there is none; 413 if there are more than ``most``.
    """
    # A form whose file input was left empty sends a part without a name.
    files = [file for file in files if file.filename]
    if not files:
        detail = "Send the image as a multipart/form-data part named 'file', with a file name."
        raise problems.ProblemError(problems.NO_FILE, detail)
    if len(files) > most:
        detail = f"There are {len(files)} files; the limit is {most} in one request."
        raise problems.ProblemError(problems.TOO_MANY_FILES, detail)
    return files


def check_pixels(images: Sequence[bytes]) -> None:
    """Refuse images that are too much work together, by what their headers declare.

    Raises:
        ProblemError: 413 if there are too many pixels.
    """
    settings = parts().settings
    most = settings.max_request_pixels
    if len(images) * settings.max_pixels <= most:
        return
    pixels = sum(map(_declared_pixels, images))
    if pixels > most:
        detail = (
            f"The images have {pixels / 1e6:.0f} megapixels together; the limit is "
            f"{most / 1e6:g} in one request. Send fewer at a time, or smaller copies."
        )
        raise problems.ProblemError(problems.REQUEST_TOO_LARGE, detail)


def _declared_pixels(image: bytes) -> int:
    """Width times height; 0 for a file that will not be decoded anyway."""
    try:
        opened = open_image(image, limits())
    except ImageError:
        return 0
    return opened.width * opened.height


def limits() -> Limits:
    """What one image of a request may be."""
    settings = parts().settings
    return Limits(max_bytes=settings.max_file_bytes, max_pixels=settings.max_pixels)
