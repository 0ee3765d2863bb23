"""What the file says: opened beside a verdict, told in words, never believed."""

import io
from pathlib import Path

import pytest
from PIL import ExifTags, Image, PngImagePlugin
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.steps import alert, check, verdict
from tests.browser.test_pages import violations
from tests.webapp_backend.c2pa_files import make_signing_key, sign

pytestmark = pytest.mark.slow
INSPECTIONS = "**/api/v1/inspections"
MARKUP = "<img src=x onerror=window.injected=1><script>window.injected=1</script>"


@pytest.fixture(scope="module")
def telling(photo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signed photograph with a camera, a place and an earlier compression."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Maker"
    exif[ExifTags.Base.Software] = "Midjourney v6"
    position = exif.get_ifd(ExifTags.IFD.GPSInfo)
    position[ExifTags.GPS.GPSLatitudeRef] = "N"
    position[ExifTags.GPS.GPSLatitude] = (48.0, 51.0, 30.0)
    position[ExifTags.GPS.GPSLongitudeRef] = "E"
    position[ExifTags.GPS.GPSLongitude] = (2.0, 17.0, 40.0)
    file = io.BytesIO()
    Image.open(photo).save(file, "JPEG", quality=80, exif=exif)
    path = tmp_path_factory.mktemp("telling") / "telling.jpg"
    path.write_bytes(sign(file.getvalue(), make_signing_key()))
    return path


@pytest.fixture(scope="module")
def hostile(photo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photograph with markup wherever a file can hold text."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = MARKUP
    exif[ExifTags.Base.Software] = f"Midjourney {MARKUP}"
    texts = PngImagePlugin.PngInfo()
    for key in ("parameters", "workflow", MARKUP[:70]):
        texts.add_itxt(key, MARKUP + "x" * 1000)
    file = io.BytesIO()
    Image.open(photo).save(file, "PNG", exif=exif, pnginfo=texts)
    signer = make_signing_key(signer=MARKUP[:60])
    name = MARKUP.replace("/", "_")
    path = tmp_path_factory.mktemp("hostile") / f"{name}.png"
    path.write_bytes(sign(file.getvalue(), signer, "image/png", generator=MARKUP))
    return path


def panel(page: Page) -> Locator:
    return page.locator("details.panel")


def open_panel(page: Page, photo: Path) -> Locator:
    check(page, photo)
    expect(verdict(page)).to_be_visible()
    panel(page).locator("summary").first.click()
    expect(panel(page).get_by_role("heading", name="Error levels")).to_be_visible()
    return panel(page)


def test_a_file_is_taken_apart_when_asked_for(open_page: OpenPage, telling: Path) -> None:
    page = open_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    check(page, telling)
    expect(verdict(page)).to_be_visible()
    assert not [url for url in asked if "inspection" in url.lower()]
    panel(page).locator("summary").first.click()
    shown = panel(page)
    expect(shown.get_by_text("none of it enters the score")).to_be_visible()
    expect(shown.get_by_text("but by whom?")).to_be_visible()
    expect(shown.get_by_text("Created with Imaginator 2, made by a generative AI")).to_be_visible()
    expect(shown.get_by_text("Name of an image generator")).to_be_visible()
    expect(shown.get_by_text("80 of 100")).to_be_visible()
    picture = shown.get_by_role("img", name="error levels")
    assert picture.evaluate("image => image.naturalWidth") > 100


def test_the_place_is_shown_on_request_only(open_page: OpenPage, telling: Path) -> None:
    page = open_page()
    shown = open_panel(page, telling)
    assert "48.8" not in page.content()
    shown.get_by_role("button", name="Show where it was taken").click()
    expect(shown.get_by_text("48.85833° N, 2.29444° E")).to_be_visible()
    expect(shown.locator("p:focus")).to_contain_text("48.85833")


def test_it_opens_by_keyboard(open_page: OpenPage, telling: Path) -> None:
    page = open_page()
    check(page, telling)
    expect(verdict(page)).to_be_visible()
    panel(page).locator("summary").first.focus()
    page.keyboard.press("Enter")
    expect(panel(page).get_by_role("heading", name="Error levels")).to_be_visible()


def test_no_text_of_a_file_becomes_markup(open_page: OpenPage, hostile: Path) -> None:
    page = open_page()
    shown = open_panel(page, hostile)
    for details in shown.locator("details").all():
        details.locator("summary").click()
    assert shown.get_by_text("<script>window.injected=1</script>").count() >= 4
    assert shown.locator("img").count() == 1
    assert page.locator("#app script").count() == 0
    assert page.evaluate("window.injected") is None


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_sticks_out(
    open_page: OpenPage, axe: str, telling: Path, hostile: Path, scheme: str, width: int
) -> None:
    for photo in (telling, hostile):
        page = open_page(scheme=scheme, width=width)
        open_panel(page, photo)
        assert violations(page, axe) == []
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_a_failing_server_is_told_and_can_be_tried_again(
    open_page: OpenPage, telling: Path
) -> None:
    page = open_page()
    page.route(INSPECTIONS, lambda route: route.abort())
    check(page, telling)
    expect(verdict(page)).to_be_visible()
    panel(page).locator("summary").first.click()
    expect(alert(page)).to_contain_text("cannot be reached")
    page.unroute(INSPECTIONS)
    alert(page).get_by_role("button", name="Try again").click()
    expect(panel(page).get_by_role("heading", name="Error levels")).to_be_visible()
