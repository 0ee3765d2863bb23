"""A real Chromium, and pages of it that may talk to nobody but the server under test."""

import io
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.conftest import ROOT, Server, serving
from tests.networks import NetworkFactory
from tests.portraits import PORTRAIT

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]
INSTALL = "no Chromium found; type: sudo apt-get install chromium  (or set CHROMIUM to one)"

OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    own = Path(playwright.chromium.executable_path)
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    path = found or (own if own.exists() else None)
    if path is None:
        pytest.fail(INSTALL, pytrace=False)
    # Chromium's sandbox refuses to run as root
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    running = playwright.chromium.launch(executable_path=path, args=ARGUMENTS + sandbox)
    yield running
    running.close()


@pytest.fixture
def open_page(browser: Browser, server: Server) -> Iterator[OpenPage]:
    """Open an address of a server; at the end, no page may have asked or accused anybody else."""
    contexts, asked, errors = [], [], []

    def open_(
        path: str = "/", *, width: int = 1280, scheme: str = "light", of: Server = server
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 844},
            color_scheme=scheme,
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append((of.url, request.url)))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda message: errors.append(message.text) if blocked(message.text) else None,
        )
        page.goto(of.url + path)
        return page

    yield open_
    for context in contexts:
        context.close()
    strangers = {url for own, url in asked if is_network(url) and not url.startswith(own + "/")}
    assert not strangers
    assert not errors


def blocked(message: str) -> bool:
    return "Content Security Policy" in message


def is_network(url: str) -> bool:
    return urlsplit(url).scheme not in ("blob", "data")


@pytest.fixture(scope="session")
def face_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose network judges each face, by its brightness."""
    root = tmp_path_factory.mktemp("faces")
    networks = NetworkFactory(root / "model", root / "cache")
    networks("faces", crop="face")
    with serving(
        root,
        model_folder=networks.folder,
        cache=networks.cache,
        tensorboard_upstream="http://127.0.0.1:9",  # nothing listens there
    ) as running:
        yield running


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A portrait."""
    path = tmp_path_factory.mktemp("photo") / "portrait.jpg"
    shutil.copy(PORTRAIT, path)
    return path


@pytest.fixture(scope="session")
def png() -> bytes:
    """A small picture for the clipboard and for dropping."""
    buffer = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="session")
def axe() -> str:
    return (ROOT / "webapp-frontend/node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
