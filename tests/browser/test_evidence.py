"""What the page shows beside the verdict, so that a person can explain it to another."""

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.steps import check, verdict
from tests.browser.test_detect import overflows
from tests.browser.test_pages import violations
from tests.conftest import Server
from tests.portraits import scene

pytestmark = pytest.mark.slow


def save(image: Image.Image, folder: Path) -> Path:
    path = folder / "scene.jpg"
    image.save(path, quality=92)
    return path


@pytest.fixture
def group(tmp_path: Path) -> Path:
    """Two faces that can be judged, the second lit up, and one that is too small."""
    return save(scene([120, 90, 25], width=600, height=450, brightest=1), tmp_path)


def boxes(page: Page) -> list[dict[str, float]]:
    """Where the page draws faces, as shares of the picture it shows."""
    return page.evaluate(
        """() => {
            const picture = document.querySelector('.picture img')
            const frame = picture.getBoundingClientRect()
            const scale = Math.min(frame.width / picture.naturalWidth,
                                   frame.height / picture.naturalHeight)
            const width = picture.naturalWidth * scale, height = picture.naturalHeight * scale
            const x = frame.x + (frame.width - width) / 2, y = frame.y + (frame.height - height) / 2
            return [...document.querySelectorAll('.picture rect.line')].map((rect) => {
                const box = rect.getBoundingClientRect()
                return { left: (box.left - x) / width, top: (box.top - y) / height,
                         right: (box.right - x) / width, bottom: (box.bottom - y) / height }
            })
        }"""
    )


@pytest.mark.parametrize("width", [390, 1280])
def test_each_face_has_its_box_and_score_and_one_decides(
    open_page: OpenPage, face_server: Server, group: Path, width: int
) -> None:
    answer = face_server.judge(group.read_bytes(), faces="auto").json()["results"][0]
    page = open_page(width=width, of=face_server)
    check(page, group)
    expect(verdict(page)).to_be_visible()
    drawn = boxes(page)
    assert len(drawn) == len(answer["faces"]) == 3
    for box, face in zip(drawn, answer["faces"], strict=True):
        for side, length in (("left", "width"), ("bottom", "height")):
            assert box[side] == pytest.approx(face[side] / answer[length], abs=0.02)
    items = page.get_by_role("list", name="Faces").get_by_role("listitem")
    expect(items).to_have_count(3)
    expect(items.nth(1)).to_contain_text(f"{answer['fake_probability'] * 100:.1f} %")
    expect(items.nth(1)).to_contain_text("decides")
    expect(items.nth(2)).to_contain_text("too small")
    assert not overflows(page)


def test_twenty_faces_fit_and_are_announced(
    open_page: OpenPage, face_server: Server, tmp_path: Path
) -> None:
    page = open_page(width=390, of=face_server)
    check(page, save(scene([70] * 20, width=1000), tmp_path))
    expect(page.get_by_role("list", name="Faces").get_by_role("listitem")).to_have_count(20)
    assert len(boxes(page)) == 20
    expect(page.locator("[role=status][aria-live=polite]")).to_contain_text("20 faces were found")
    assert not overflows(page)


def test_a_picture_without_a_face_is_inconclusive_and_says_why(
    open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page()
    check(page, save(scene([]), tmp_path))
    expect(verdict(page)).to_have_text("Inconclusive")
    expect(page.locator(".result")).to_contain_text("No face was found")
    expect(page.get_by_role("meter", name="Probability of a fake")).to_be_visible()


def test_a_network_for_whole_pictures_says_that_it_judged_no_face_alone(
    open_page: OpenPage, photo: Path
) -> None:
    page = open_page()
    page.get_by_role("combobox", name="Network").click()
    page.get_by_role("option", name="v3").click()
    check(page, photo)
    expect(page.locator(".result")).to_contain_text("judges the picture as a whole")
    assert len(boxes(page)) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_beside_faces(
    open_page: OpenPage, face_server: Server, axe: str, group: Path, scheme: str
) -> None:
    page = open_page(scheme=scheme, of=face_server)
    check(page, group)
    expect(verdict(page)).to_be_visible()
    assert violations(page, axe) == []


def heat_cells(page: Page) -> int:
    return page.locator(".picture rect.cell").count()


@pytest.mark.parametrize("width", [390, 1280])
def test_a_heat_map_comes_when_asked_for_and_fades_by_a_slider(
    open_page: OpenPage, face_server: Server, group: Path, width: int
) -> None:
    page = open_page(width=width, of=face_server)
    check(page, group)
    expect(verdict(page)).to_be_visible()
    assert heat_cells(page) == 0
    button = page.get_by_role("button", name="Show a heat map")
    button.focus()
    page.keyboard.press("Enter")
    slider = page.get_by_role("slider", name="Strength of the heat map")
    expect(slider).to_be_focused()
    assert heat_cells(page) > 0
    expect(page.locator(".picture img")).to_be_in_viewport()
    overlay = page.locator(".picture svg", has=page.locator("rect.cell"))
    before = float(overlay.get_attribute("opacity"))
    page.keyboard.press("ArrowLeft")
    assert float(overlay.get_attribute("opacity")) < before
    page.keyboard.press("Home")
    assert float(overlay.get_attribute("opacity")) == 0
    assert not overflows(page)


def test_a_second_look_gives_the_spread_by_keyboard_and_voice(
    open_page: OpenPage, face_server: Server, group: Path
) -> None:
    page = open_page(of=face_server)
    check(page, group)
    tops = (
        "[...document.querySelectorAll('.panel, footer')].map((e) => e.getBoundingClientRect().top)"
    )
    page.get_by_role("button", name="Take a second look").focus()
    before = page.evaluate(tops)
    page.keyboard.press("Enter")
    spoken = page.locator("[role=status][aria-live=polite]")
    expect(spoken).to_contain_text("Between")
    expect(page.locator(".closer")).to_contain_text("mirrored")
    assert page.evaluate(tops) == before


def test_a_verdict_that_flips_becomes_inconclusive(
    open_page: OpenPage, server: Server, photo: Path
) -> None:
    answer = server.judge(photo.read_bytes(), faces="auto", second_look="true").json()
    answer["results"][0] |= {"verdict": "inconclusive", "reason": "unstable"}
    page = open_page()
    check(page, photo)
    expect(verdict(page)).to_be_visible()
    page.route("**/api/v1/predictions?*second_look=true*", lambda r: r.fulfill(json=answer))
    page.get_by_role("button", name="Take a second look").click()
    expect(verdict(page)).to_have_text("Inconclusive")
    expect(page.locator(".result")).to_contain_text("turn the verdict round")


def test_a_closer_look_that_fails_leaves_the_verdict(open_page: OpenPage, photo: Path) -> None:
    page = open_page()
    check(page, photo)
    expect(verdict(page)).to_be_visible()
    page.route("**/api/v1/predictions?*", lambda route: route.abort())
    page.get_by_role("button", name="Show a heat map").click()
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    expect(verdict(page)).to_be_visible()
    page.unroute("**/api/v1/predictions?*")
    page.get_by_role("button", name="Show a heat map").click()
    expect(page.get_by_role("slider")).to_be_visible()


def test_the_score_is_set_beside_the_test_set(
    open_page: OpenPage, server: Server, photo: Path
) -> None:
    card = server.get("/api/v1/models/v3").json()["card"]
    p = server.judge(photo.read_bytes(), model="v3", faces="auto").json()["results"][0]
    test = next(part for part in card["evaluations"] if part["split"] == "Test" and part["roc"])
    (bin_,) = [b for b in test["reliability"] if b["low"] <= p["fake_probability"] < b["high"]]
    page = open_page()
    page.get_by_role("combobox", name="Network").click()
    page.get_by_role("option", name="v3").click()
    check(page, photo)
    fake = round(bin_["fraction_fake"] * bin_["count"])
    words = f"Of the {bin_['count']:,} test images scored {bin_['low'] * 100:.0f}"
    expect(page.locator(".result")).to_contain_text(words)
    words = f"{fake:,} were fake"
    expect(page.locator(".result")).to_contain_text(words)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_beside_a_heat_map_and_a_second_look(
    open_page: OpenPage, face_server: Server, axe: str, group: Path, scheme: str
) -> None:
    page = open_page(scheme=scheme, of=face_server)
    check(page, group)
    page.get_by_role("button", name="Show a heat map").click()
    expect(page.get_by_role("slider")).to_be_visible()
    page.get_by_role("button", name="Take a second look").click()
    expect(page.locator(".closer")).to_contain_text("mirrored")
    assert violations(page, axe) == []
