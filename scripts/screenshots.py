"""Take the README's pictures of a running server.

    make run &
    .venv/bin/python scripts/screenshots.py http://127.0.0.1:8080 portrait.jpg

The portrait in the committed pictures is NASA's of Eileen Collins, in the public domain.
"""

import os
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def find_chromium() -> str:
    """Return the path that the browser tests use, too."""
    script = ROOT / "scripts" / "find-chromium.sh"
    found = subprocess.run([script], capture_output=True, text=True, check=True)
    return found.stdout.strip()


def take_detect(page: Page, url: str, portrait: Path) -> None:
    """Upload the portrait, wait for the verdict and look closer."""
    page.goto(url)
    page.set_input_files("input[type=file]", portrait)
    page.get_by_role("button", name="Check this photograph").click()
    page.get_by_role("button", name="Check again").wait_for()
    page.get_by_role("button", name="Show a heat map").click()
    page.get_by_role("slider").wait_for()
    page.get_by_role("button", name="Take a second look").click()
    page.get_by_text("mirrored").first.wait_for()
    page.wait_for_timeout(800)  # the bar's animation
    page.evaluate("scrollTo(0, 0)")
    page.set_viewport_size({"width": 1280, "height": 1060})
    page.screenshot(path=DOCS / "detect.png")
    page.set_viewport_size({"width": 1280, "height": 900})


def take_model(page: Page, url: str) -> None:
    """Open the default network's card and wait for its charts."""
    page.goto(f"{url}/models/v4")
    page.get_by_role("heading", name="Reliability").wait_for()
    page.wait_for_timeout(1500)  # the charts' animation
    page.screenshot(path=DOCS / "model.png")


def take_compare(page: Page, url: str, portrait: Path) -> None:
    """Put the portrait before every network, on a phone in the dark."""
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    page.goto(f"{url}/compare")
    page.set_input_files("input[type=file]", portrait)
    page.get_by_role("button", name="Compare", exact=True).click()
    page.get_by_role("button", name="Compare again").wait_for()
    page.wait_for_timeout(800)
    page.get_by_role("heading", level=2).first.evaluate("heading => heading.scrollIntoView()")
    page.screenshot(path=DOCS / "compare.png")


def main() -> None:
    """Write docs/detect.png, docs/model.png and docs/compare.png."""
    url, portrait = sys.argv[1], Path(sys.argv[2])
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=options)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        take_detect(page, url, portrait)
        take_model(page, url)
        take_compare(page, url, portrait)
        browser.close()


if __name__ == "__main__":
    main()
