"""One photograph before every network, and the samples for those who have no photograph."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.steps import (
    ANSWER_MS,
    VERDICTS,
    alert,
    check,
    check_button,
    choose,
    sample,
    verdict,
)
from tests.browser.test_pages import violations
from tests.conftest import ROOT, Server, eventually

pytestmark = pytest.mark.slow
SAMPLES = ROOT / "webapp-frontend/src/assets/samples"


@pytest.fixture(autouse=True)
def every_network_ready(server: Server) -> None:
    """Where nothing was converted before, the first test would see half of them."""
    names = list(server.models())
    assert eventually(lambda: all(server.opened(name) for name in names), 180)


def card(page: Page, name: str) -> Locator:
    heading = page.get_by_role("heading", level=2, name=name)
    return page.get_by_role("list", name="Networks").get_by_role("listitem").filter(has=heading)


def compare_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Compare", exact=True)


def summary(page: Page) -> Locator:
    return page.locator(".summary")


def expect_agreement(page: Page) -> None:
    expect(summary(page).get_by_text("The probability of a fake")).to_be_visible(timeout=ANSWER_MS)


@pytest.mark.parametrize("width", [390, 1280])
def test_every_network_says_what_the_interface_says(
    open_page: OpenPage, server: Server, photo: Path, width: int
) -> None:
    page = open_page("/compare", width=width)
    choose(page, photo)
    compare_button(page).click()
    expect_agreement(page)
    expect(summary(page)).to_be_in_viewport()
    models = server.models()
    shown = page.get_by_role("list", name="Networks").get_by_role("heading").all_inner_texts()
    default = next(name for name, model in models.items() if model["default"])
    assert shown[0].startswith(default)
    assert len(shown) == len(models)
    for name in models:
        judged = server.judge(photo.read_bytes(), faces="auto", model=name).json()["results"][0]
        measured = models[name]["test_accuracy"]
        expect(card(page, name)).to_contain_text(VERDICTS[judged["verdict"]])
        expect(card(page, name)).to_contain_text(f"{judged['fake_probability'] * 100:.1f} %")
        expect(card(page, name)).to_contain_text(f"{measured * 100:.1f} %")
        expect(card(page, name)).to_contain_text("on the server")
    spoken = page.locator("[role=status][aria-live=polite]")
    expect(spoken).to_contain_text(summary(page).get_by_role("heading").first.inner_text())
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_a_network_that_gets_ready_joins(open_page: OpenPage, photo: Path) -> None:
    page = open_page("/logs")
    page.route("**/api/v1/models", prepare_v1)
    page.get_by_role("link", name="Compare", exact=True).click()
    choose(page, photo)
    compare_button(page).click()
    expect_agreement(page)
    expect(summary(page)).to_contain_text("it joins in a moment")
    page.unroute("**/api/v1/models")
    expect(card(page, "v1")).to_contain_text("on the server", timeout=ANSWER_MS)


def prepare_v1(route: Route) -> None:
    answer = route.fetch()
    body = answer.json()
    for model in body["models"]:
        if model["name"] == "v1":
            model["state"] = "converting"
    route.fulfill(response=answer, json=body)


def test_a_judged_photograph_is_carried_to_the_comparison(open_page: OpenPage, photo: Path) -> None:
    page = open_page()
    check(page, photo)
    page.get_by_role("link", name="Compare what every network says").click()
    expect(page.get_by_role("img", name="portrait.jpg")).to_be_visible()
    expect_agreement(page)


def test_one_network_that_fails_leaves_the_others_and_is_asked_again(
    open_page: OpenPage, server: Server, photo: Path
) -> None:
    page = open_page("/compare")
    failing = "**/api/v1/predictions?model=v1"
    page.route(failing, lambda route: route.fulfill(status=503, json={}))
    choose(page, photo)
    compare_button(page).click()
    expect(card(page, "v1")).to_contain_text("The server is busy", timeout=ANSWER_MS)
    expect_agreement(page)
    expect(summary(page)).to_contain_text(f"1 of {len(server.models())} networks gave no answer")
    page.unroute(failing)
    page.get_by_role("button", name="Ask v1 again").click()
    expect(card(page, "v1")).to_contain_text("probability of a fake")
    expect(summary(page)).not_to_contain_text("gave no answer")


def test_two_requests_are_under_way_at_most_and_can_be_left(
    open_page: OpenPage, server: Server, photo: Path
) -> None:
    page = open_page("/compare")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/api/v1/predictions*", hold)
    choose(page, photo)
    compare_button(page).click()
    expect(page.get_by_text("Waits its turn.")).to_have_count(len(server.models()) - 2)
    expect(page.get_by_text("Looking …")).to_have_count(2)
    page.get_by_role("button", name="Cancel").click()
    networks = page.get_by_role("list", name="Networks")
    expect(networks.get_by_text("Cancelled.")).to_have_count(len(server.models()))
    assert len(held) == 2
    page.unroute_all(behavior="ignoreErrors")


def test_a_network_that_is_not_ready_is_named_with_the_reason(open_page: OpenPage) -> None:
    page = open_page("/nowhere")
    page.route("**/api/v1/models", make_v1_unusable)
    page.get_by_role("link", name="Compare", exact=True).click()
    expect(summary(page)).to_contain_text("v1 cannot be used: It is cut off.", timeout=ANSWER_MS)
    expect(card(page, "v1")).to_have_count(0)


def make_v1_unusable(route: Route) -> None:
    models = route.fetch().json()["models"]
    for model in models:
        if model["name"] == "v1":
            model |= {"state": "unusable", "reason": "It is cut off."}
    route.fulfill(json={"models": models})


def test_files_that_cannot_be_judged_are_told(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page("/compare")
    notes, letter = tmp_path / "notes.txt", tmp_path / "letter.jpg"
    notes.write_bytes(b"hello")
    letter.write_bytes(b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n")
    choose(page, notes)
    expect(alert(page)).to_contain_text("notes.txt is not an image")
    choose(page, letter)
    compare_button(page).click()
    for name in ("v1", "v2", "v3"):
        expect(card(page, name)).to_contain_text("Not an image format", timeout=ANSWER_MS)
    expect(summary(page)).to_contain_text("Nothing to compare")


def test_samples_can_be_checked_and_compared(open_page: OpenPage, server: Server) -> None:
    page = open_page()
    sample(page, "No face").click()
    expect(page.get_by_role("img", name="landscape.jpg")).to_be_visible()
    check_button(page).click()
    expect(verdict(page)).to_have_text("Inconclusive", timeout=ANSWER_MS)
    page.get_by_role("link", name="Compare", exact=True).click()
    sample(page, "Face altered").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("img", name="mirrored-face.jpg")).to_be_visible()
    compare_button(page).click()
    expect_agreement(page)
    altered = (SAMPLES / "mirrored-face.jpg").read_bytes()
    judged = server.judge(altered, faces="auto", model="v2").json()["results"][0]
    expect(card(page, "v2")).to_contain_text(f"{judged['fake_probability'] * 100:.1f} %")


def test_a_sample_that_cannot_be_loaded_is_told(open_page: OpenPage) -> None:
    page = open_page()
    page.route("**/assets/landscape-*", lambda route: route.abort())
    sample(page, "No face").click()
    expect(alert(page)).to_contain_text("The sample cannot be loaded")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_beside_the_answers(open_page: OpenPage, axe: str, scheme: str) -> None:
    page = open_page("/compare", scheme=scheme)
    sample(page, "Portrait").click()
    compare_button(page).click()
    expect_agreement(page)
    assert violations(page, axe) == []
