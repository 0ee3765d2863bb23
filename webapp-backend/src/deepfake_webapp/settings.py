"""Every setting of the server: read from ``DEEPFAKE_…``, listed by ``deepfake-webapp settings``.

The gunicorn master reads them before it forks, so nothing here may start a thread: NumPy and ONNX
Runtime do when they are imported, and the latter's has aborted and hung forked children.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, FilePath, HttpUrl, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "DEEPFAKE_"
_ROOT = Path(__file__).parents[3]
_WORKSPACE = _ROOT / "webapp-backend" / "workspace"


class Settings(BaseSettings):
    """What an operator may choose; a value given in code wins over the environment."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, env_ignore_empty=True)

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")

    model_folder: Path = Field(
        _WORKSPACE / "model", description="Folder of NAME.keras files, each with its NAME.json."
    )
    cache: Path | None = Field(
        None,
        description="Folder that keeps converted networks. Empty: ml-deepfake-detection in the "
        "user's cache folder.",
    )
    default_model: str = Field(
        "",
        description="Network that answers when a request names none. Empty: the last in natural "
        "order (v10 after v9) of those with a card, or of all if none has one.",
    )
    flip_models: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Names, comma-separated, of networks without a card whose output is to be "
        "read the other way round.",
    )

    tensorboard_logs: Path = Field(
        _WORKSPACE / "logs" / "tensorboard_logs", description="Log folder TensorBoard shows."
    )
    tensorboard_upstream: HttpUrl | None = Field(
        None,
        description="Address of a TensorBoard that runs elsewhere with --path_prefix=/tensorboard. "
        "Empty: the server runs its own.",
    )
    page_folder: Path = Field(
        _ROOT / "webapp-frontend" / "dist", description="Folder of the built page."
    )

    max_file_bytes: int = Field(20_000_000, gt=0, description="Bytes of one image.")
    max_pixels: int = Field(50_000_000, gt=0, description="Pixels of one image.")
    max_files: int = Field(16, gt=0, description="Images in one request.")
    max_request_bytes: int = Field(64_000_000, gt=0, description="Bytes of one request.")
    max_request_pixels: int = Field(
        250_000_000, gt=0, description="Pixels of one request's images together."
    )

    workers: int = Field(2, gt=0, description="Processes that answer requests.")
    scoring_slots: int = Field(2, gt=0, description="Requests a worker judges at a time.")
    queue_length: int = Field(
        32, ge=0, description="Requests that may wait for a slot of a worker; more answer 503."
    )
    queue_seconds: float = Field(
        10, gt=0, description="Seconds a request waits for a slot before it answers 503."
    )
    max_held_bytes: int = Field(
        192_000_000,
        gt=0,
        description="Bytes of uploads that a worker holds at a time, coming in, waiting or judged; "
        "more answer 503. Never less than one request's.",
    )
    upload_seconds: float = Field(
        20,
        gt=0,
        description="Seconds a request may take to arrive, and one more for each 25 kB of it; a "
        "slower one is dropped.",
    )
    uploads_per_minute: int = Field(
        0,
        ge=0,
        description="Uploads that one client may send a minute before it is answered 429; 0: any "
        "number. Each worker counts for itself, so up to DEEPFAKE_WORKERS times as many pass.",
    )
    spare_threads: int = Field(
        8, gt=0, description="Threads of a worker beside those that judge or wait to."
    )
    onnx_threads: int = Field(
        1, ge=0, description="Threads of one scoring call; 0 takes as many as there are cores."
    )
    shutdown_seconds: int = Field(
        10, gt=0, description="Seconds a request in flight has to finish after SIGTERM."
    )

    trust_anchors: FilePath | None = Field(
        None,
        description="PEM file of certificates whose C2PA signatures are called trusted. Empty: "
        "every signer is unknown.",
    )

    trusted_proxies: int = Field(
        0, ge=0, description="Reverse proxies in front whose X-Forwarded-… and X-Request-ID count."
    )
    trusted_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Names, comma-separated, under which the server answers, .example.org for all "
        "that end in it; under others 400, but for /livez and /readyz. Behind trusted proxies the "
        "name that was asked of these counts. Empty: any.",
    )
    metrics: Literal["off", "loopback", "public"] = Field(
        "loopback", description="Who may read /metrics."
    )

    @field_validator("flip_models", "trusted_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    @field_validator("trust_anchors")
    @classmethod
    def _holds_certificates(cls, value: Path | None) -> Path | None:
        if value is not None and b"-----BEGIN CERTIFICATE-----" not in value.read_bytes():
            raise ValueError("The file holds no PEM certificate")
        return value

    @property
    def worker_threads(self) -> int:
        """Threads of a worker: a full queue must leave some that say so."""
        return self.scoring_slots + self.queue_length + self.spare_threads

    @classmethod
    def read(cls) -> Self:
        """Read the environment.

        Raises:
            SettingsError: Naming the first variable with a bad value.
        """
        try:
            return cls()
        except ValidationError as error:
            fault = error.errors()[0]
            variable = variable_of(str(fault["loc"][0]))
            raise SettingsError(f"{variable}={fault['input']!r}: {fault['msg']}.") from error


class SettingsError(ValueError):
    """A setting that cannot be used; the message is one sentence."""


def variable_of(field: str) -> str:
    """Name of the environment variable behind a field."""
    return PREFIX + field.upper()
