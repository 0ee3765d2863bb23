"""From a photograph to its verdict, and what happens when there is none."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.steps import (
    alert,
    check,
    check_button,
    choose,
    drop,
    expect_verdict,
    paste,
    verdict,
)
from tests.conftest import Server

pytestmark = pytest.mark.slow
PREDICTIONS = "**/api/v1/predictions*"


@pytest.fixture
def judged(server: Server, photo: Path) -> dict[str, Any]:
    """What the interface itself answers for the photograph."""
    return server.judge(photo.read_bytes(), faces="auto").json()["results"][0]


@pytest.mark.parametrize("width", [390, 1280])
def test_an_upload_ends_in_the_verdict_of_the_interface(
    open_page: OpenPage, photo: Path, judged: dict[str, Any], width: int
) -> None:
    page = open_page(width=width)
    check(page, photo)
    expect_verdict(page, judged)
    shown = page.get_by_role("meter", name="Probability of a fake").get_attribute("aria-valuenow")
    assert shown == f"{judged['fake_probability'] * 100:.0f}"
    expect(verdict(page)).to_be_in_viewport()
    expect(page.get_by_role("img", name="portrait.jpg")).to_be_visible()
    expect(page.get_by_text("test images it had never seen")).to_be_visible()
    assert not overflows(page)


def test_the_verdict_is_spoken(open_page: OpenPage, photo: Path, judged: dict[str, Any]) -> None:
    page = open_page()
    check(page, photo)
    expect_verdict(page, judged)
    spoken = page.locator("[role=status][aria-live=polite]")
    expect(spoken).to_contain_text(f"Verdict for portrait.jpg: {verdict(page).inner_text()}")


def test_a_dropped_and_a_pasted_image_are_taken(open_page: OpenPage, png: bytes) -> None:
    page = open_page()
    drop(page, "dropped.png", "image/png", png)
    expect(page.get_by_text("dropped.png. Click")).to_be_visible()
    paste(page, "pasted.png", "image/png", png)
    expect(page.get_by_text("pasted.png. Click")).to_be_visible()
    check_button(page).click()
    expect(verdict(page)).to_be_visible()


def test_everything_works_by_keyboard(
    open_page: OpenPage, photo: Path, judged: dict[str, Any]
) -> None:
    page = open_page()
    expect(page.get_by_role("combobox", name="Network")).to_be_visible()
    press_until(page, "Tab", "a.skip")
    page.keyboard.press("Enter")
    press_until(page, "Tab", "input[type=file]")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files(photo)
    press_until(page, "Tab", "#model")
    page.keyboard.press("Enter")
    expect(page.get_by_role("listbox")).to_be_visible()
    page.keyboard.press("Escape")
    press_until(page, "Tab", "button.primary")
    page.keyboard.press("Enter")
    expect_verdict(page, judged)


def press_until(page: Page, key: str, selector: str) -> None:
    for _ in range(20):
        page.keyboard.press(key)
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"{key} never reaches {selector}")


def test_files_that_are_no_photograph_are_named_with_the_reason(
    open_page: OpenPage, server: Server, tmp_path: Path
) -> None:
    page = open_page()
    limit = server.get("/api/v1/limits").json()["max_file_bytes"]
    expect(page.get_by_text("One image of up to")).to_be_visible()
    cases = {
        "notes.txt": (b"hello", "not an image"),
        "empty.jpg": (b"", "0 bytes"),
        "huge.jpg": (b"\xff\xd8" + bytes(limit), "too big"),
    }
    for name, (content, reason) in cases.items():
        path = tmp_path / name
        path.write_bytes(content)
        choose(page, path)
        expect(alert(page)).to_contain_text(name)
        expect(alert(page)).to_contain_text(reason)
        expect(check_button(page)).to_be_disabled()


def test_a_pdf_named_jpg_is_refused_by_the_server_in_words(
    open_page: OpenPage, tmp_path: Path
) -> None:
    path = tmp_path / "letter.jpg"
    path.write_bytes(b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n")
    page = open_page()
    choose(page, path)
    expect(page.get_by_text("This browser cannot show it")).to_be_visible()
    check_button(page).click()
    expect(alert(page)).to_contain_text("letter.jpg")
    expect(alert(page)).to_contain_text("Not an image format that can be read")


def test_a_network_that_is_broken_can_be_seen_but_not_chosen(open_page: OpenPage) -> None:
    page = open_page("/logs")
    page.route("**/api/v1/models", add_broken_model)
    page.get_by_role("link", name="Detect", exact=True).click()
    page.get_by_role("combobox", name="Network").click()
    broken = page.get_by_role("option", name="broken")
    expect(broken).to_contain_text("Cannot be used: It is cut off.")
    expect(broken).to_have_attribute("aria-disabled", "true")


def add_broken_model(route: Route) -> None:
    answer = route.fetch().json()
    ready = answer["models"][0]
    unusable = {"name": "broken", "state": "unusable", "reason": "It is cut off.", "default": False}
    route.fulfill(json={"models": [*answer["models"], ready | unusable]})


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"body": "<html>gateway</html>", "status": 502}, "unreadable"),
        ({"body": "<html>welcome</html>", "status": 200}, "unreadable"),
        (
            {"body": "{}", "status": 503, "headers": {"Retry-After": "7"}},
            "Try again in about 7 s",
        ),
        (None, "cannot be reached"),
    ],
)
def test_a_failing_server_is_told_and_can_be_tried_again(
    open_page: OpenPage,
    photo: Path,
    judged: dict[str, Any],
    answer: dict[str, Any] | None,
    words: str,
) -> None:
    page = open_page()
    page.route(PREDICTIONS, lambda route: route.fulfill(**answer) if answer else route.abort())
    check(page, photo)
    expect(alert(page)).to_contain_text("portrait.jpg")
    expect(alert(page)).to_contain_text(words)
    page.unroute(PREDICTIONS)
    alert(page).get_by_role("button", name="Try again").click()
    expect_verdict(page, judged)


def test_a_slow_server_is_told_and_can_be_left(open_page: OpenPage, photo: Path) -> None:
    page = open_page()
    page.route(PREDICTIONS, lambda _: None)
    page.clock.install()
    check(page, photo)
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    page.clock.run_for(9000)
    expect(page.get_by_text("longer than usual")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name="Ready to check")).to_be_visible()
    page.unroute_all(behavior="ignoreErrors")


def test_a_missing_list_of_networks_can_be_asked_for_again(open_page: OpenPage) -> None:
    page = open_page("/logs")
    page.route("**/api/v1/models", lambda route: route.abort())
    page.get_by_role("link", name="Detect", exact=True).click()
    expect(alert(page)).to_contain_text("cannot be reached")
    page.unroute("**/api/v1/models")
    alert(page).get_by_role("button", name="Try again").click()
    expect(page.get_by_role("combobox", name="Network")).to_be_visible()


def overflows(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth > innerWidth")
