"""A real Chromium, and pages of it that may talk to nobody but the server under test."""

import io
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.conftest import ROOT, Server

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
    """Open an address of the server; at the end, no page may have asked or accused anybody else."""
    contexts, asked, errors = [], [], []

    def open_(path: str = "/", *, width: int = 1280, scheme: str = "light") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 844},
            color_scheme=scheme,
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda message: errors.append(message.text) if blocked(message.text) else None,
        )
        page.goto(server.url + path)
        return page

    yield open_
    for context in contexts:
        context.close()
    strangers = {url for url in asked if is_network(url) and not url.startswith(server.url + "/")}
    assert not strangers
    assert not errors


def blocked(message: str) -> bool:
    return "Content Security Policy" in message


def is_network(url: str) -> bool:
    return urlsplit(url).scheme not in ("blob", "data")


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn face: nobody's likeness."""
    image = Image.new("RGB", (640, 480), "#8fa3ad")
    draw = ImageDraw.Draw(image)
    draw.ellipse((220, 90, 420, 390), fill="#d9a887")
    draw.ellipse((265, 200, 300, 220), fill="#2b2b33")
    draw.ellipse((340, 200, 375, 220), fill="#2b2b33")
    draw.arc((275, 260, 365, 330), 20, 160, fill="#7d2f2f", width=6)
    path = tmp_path_factory.mktemp("photo") / "portrait.jpg"
    image.save(path, quality=90)
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
