"""A server on networks that cost nothing, and images for it."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.conftest import Server, serving
from tests.networks import NetworkFactory


def encode(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:  # noqa: A002
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def grey(level: int, size: tuple[int, int] = (40, 30)) -> Image.Image:
    return Image.new("RGB", size, (level, level, level))


def slow_image() -> bytes:
    """A valid image that takes some half a second to decode."""
    return encode(grey(128, (6000, 6000)), "PNG", compress_level=1)


@pytest.fixture
def networks(tmp_path: Path) -> NetworkFactory:
    """A model folder of the test's own, and the factory that fills it."""
    return NetworkFactory(tmp_path / "model", tmp_path / "cache")


@pytest.fixture
def start_tiny(
    networks: NetworkFactory, start_server: Callable[..., Server]
) -> Callable[..., Server]:
    """Start a server on the test's own model folder, without TensorBoard's 70 MB."""

    def start(**settings: object) -> Server:
        folders = {"model_folder": networks.folder, "cache": networks.cache}
        # Nothing listens on the discard port, so no TensorBoard is started.
        elsewhere = {"tensorboard_upstream": "http://127.0.0.1:9"}
        return start_server(**{**folders, **elsewhere, **settings})

    return start


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files of the servers that a test starts."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server shared by the tests that change nothing, with its networks.

    ``tiny`` judges whole images, ``faces`` each face, ``bare`` has no card.
    """
    root = tmp_path_factory.mktemp("tiny")
    networks = NetworkFactory(root / "model", root / "cache")
    networks("tiny")
    networks("faces", crop="face")
    networks("bare", card=False)
    page = root / "page"
    (page / "assets").mkdir(parents=True)
    (page / "index.html").write_text("<!doctype html><title>page</title>")
    (page / "assets" / "app-1234.js").write_text("1")
    (root / "secret.txt").write_text("secret")
    with serving(
        root,
        model_folder=networks.folder,
        cache=networks.cache,
        page_folder=page,
        tensorboard_logs=root / "no-logs",
    ) as running:
        yield running
