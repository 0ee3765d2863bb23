"""What an inspection finds. Every text in it came out of the file: bounded, plain, not believed."""

import unicodedata
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_TEXT = 2000
MAX_ENTRIES = 40
MAX_PICTURE = 300_000

Text = Annotated[str, Field(max_length=MAX_TEXT)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Entry(_Part):
    """One thing the file states, by name."""

    name: Text
    value: Text


class Position(_Part):
    """Where the camera says it was, in degrees; north and east are positive."""

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class Metadata(_Part):
    """EXIF and PNG text. ``position`` stands apart, so that nobody shows it by accident."""

    entries: list[Entry] = Field(max_length=MAX_ENTRIES)
    position: Position | None
    damaged: bool = Field(description="Whether a part of it could not be read.")


class Compression(_Part):
    """How a JPEG file was compressed."""

    quality: int = Field(ge=1, le=100, description="The usual scale's nearest value.")
    standard_tables: bool = Field(
        description="Whether its tables are exactly those of that quality, as most software writes "
        "them; cameras and Photoshop have their own."
    )
    progressive: bool
    compressed_twice: bool | None = Field(
        description="Whether its numbers bear the marks of an earlier compression; null if there "
        "are too few to tell."
    )


class ErrorLevels(_Part):
    """How much each place changes when the image is compressed once more."""

    picture: Annotated[str, Field(max_length=MAX_PICTURE)] = Field(
        description="A grey JPEG as a data URI, upright; bright places changed more."
    )
    amplification: float = Field(description="Brightness of the picture per level of change.")
    quality: int = Field(description="Of the JPEG compression that was tried.")


class GeneratorHint(_Part):
    """Something that programs which make or alter images leave in their files."""

    kind: Literal["parameters", "software", "source_type"]
    where: Text = Field(description="The field of the file it stood in.")
    value: Text


class Action(_Part):
    """One thing a C2PA manifest claims was done to the image."""

    action: Text
    agent: Text | None
    source_type: Text | None
    when: Text | None


class Provenance(_Part):
    """A C2PA manifest and what its signature is worth.

    ``trusted``: the file is unchanged since it was signed, by a signer of the server's trust list.
    ``unknown_signer``: unchanged, but anybody could have made this signature. ``invalid``: the
    file or the manifest was changed, or is broken. ``none``: there is no manifest in the file.
    """

    state: Literal["trusted", "unknown_signer", "invalid", "none"]
    signer: Text | None = None
    issuer: Text | None = None
    signed_at: Text | None = None
    claim_generator: Text | None = None
    actions: list[Action] = Field([], max_length=MAX_ENTRIES)
    faults: list[Text] = Field([], max_length=MAX_ENTRIES)
    elsewhere: Text | None = Field(
        None, description="Address the file gives for its manifest; it is never fetched."
    )


class Report(_Part):
    """Everything an inspection finds; what does not apply to a file is null."""

    metadata: Metadata
    compression: Compression | None
    error_levels: ErrorLevels | None
    generator: list[GeneratorHint] = Field(max_length=MAX_ENTRIES)
    provenance: Provenance


def clean(value: object, most: int = MAX_TEXT) -> str:
    """A value as plain text: one line of a table, without control or direction characters."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    # Before the text is looked at, so that a long one costs nothing.
    text = str(value)[: 4 * most]
    text = "".join(" " if unicodedata.category(c)[0] == "C" else c for c in text)
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"
