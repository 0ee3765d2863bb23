"""The other pages, what all pages owe to everybody, and what the first of them may weigh."""

import gzip
import re
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.steps import check, verdict
from tests.conftest import Server

pytestmark = pytest.mark.slow

FIRST_LOAD_BYTES = 250_000
PAGES = {
    "/": "Is this face real?",
    "/compare": "Compare the networks",
    "/many": "Many photographs",
    "/models": "Models",
    "/models/v3": "v3",
    "/logs": "Training logs",
    "/api": "API",
    "/nowhere": "There is no such page",
}


def wait_for(page: Page, path: str) -> None:
    expect(page.get_by_role("heading", level=1, name=PAGES[path], exact=True)).to_be_visible()
    page.wait_for_load_state("networkidle")
    if path == "/logs":
        expect(page.locator("iframe")).to_be_visible(timeout=60_000)
    if path == "/api":
        expect(page.locator(".opblock").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing(open_page: OpenPage, axe: str, path: str, scheme: str) -> None:
    page = open_page(path, scheme=scheme)
    wait_for(page, path)
    assert violations(page, axe) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_beside_a_verdict(
    open_page: OpenPage, axe: str, photo: Path, scheme: str
) -> None:
    page = open_page(scheme=scheme)
    check(page, photo)
    expect(verdict(page)).to_be_visible()
    assert violations(page, axe) == []


def violations(page: Page, axe: str) -> list[str]:
    page.evaluate(axe)
    # what TensorBoard draws in its frame is not ours to mend
    found = page.evaluate("axe.run(document, { iframes: false })")["violations"]
    return [f"{rule['id']}: {node['target']}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize("width", [360, 1280, 3840])
@pytest.mark.parametrize("path", PAGES)
def test_nothing_sticks_out_to_the_side(open_page: OpenPage, path: str, width: int) -> None:
    page = open_page(path, width=width)
    wait_for(page, path)
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_a_first_visit_to_the_logs_shows_a_curve(open_page: OpenPage) -> None:
    page = open_page("/logs")
    drawn = page.frame_locator("iframe").locator("line-chart").first
    expect(drawn).to_be_visible(timeout=60_000)
    numbers = page.frame_locator("iframe").locator(
        "scalar-card-data-table tb-data-table-content-row"
    )
    expect(numbers.first).to_be_visible(timeout=30_000)


def runs(page: Page) -> Locator:
    return page.frame_locator("iframe").locator("runs-data-table tb-data-table-content-row")


def test_the_logs_show_one_network_or_all(open_page: OpenPage) -> None:
    page = open_page("/models/v3")
    page.get_by_role("link", name="Training curves").click()
    network = page.get_by_label("Network")
    expect(network).to_have_value("v3")
    expect(runs(page)).to_have_text(["v3/train", "v3/validation"], timeout=60_000)
    network.select_option("v1")
    expect(runs(page)).to_have_text(["v1/train", "v1/validation"], timeout=60_000)
    network.select_option("All networks")
    expect(runs(page).filter(has_text="v3/train")).to_be_visible(timeout=60_000)
    expect(runs(page).filter(has_text="v1/train")).to_be_visible()


def test_the_logs_wait_in_words_and_then_show_the_frame(open_page: OpenPage) -> None:
    page = open_page("/")
    starting = {"state": "starting", "detail": "It reads its logs."}
    page.route("**/api/v1/tensorboard", lambda route: route.fulfill(json=starting))
    page.get_by_role("link", name="Logs").click()
    expect(page.get_by_role("status").filter(has_text="TensorBoard is starting")).to_be_visible()
    expect(page.get_by_text("It reads its logs.")).to_be_visible()
    expect(page.locator("iframe")).to_have_count(0)
    page.unroute("**/api/v1/tensorboard")
    expect(page.locator("iframe")).to_be_visible(timeout=60_000)


def test_a_model_page_gives_its_figures_with_their_data(
    open_page: OpenPage, server: Server
) -> None:
    card = server.get("/api/v1/models/v3").json()["card"]
    measured = next(part for part in card["evaluations"] if part["split"] == "Test" and part["roc"])
    page = open_page("/models")
    tile = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="v3"))
    expect(tile).to_contain_text(f"{measured['sources']['all']['accuracy'] * 100:.1f} %")
    expect(tile).to_contain_text(measured["data"])
    page.get_by_role("link", name="v3", exact=True).click()
    expect(page.get_by_text("3,946,481", exact=True)).to_be_visible()
    expect(page.get_by_text(card["sha256"])).to_be_visible()
    for source in measured["sources"].keys() - {"all"}:
        expect(page.get_by_role("rowheader", name=source).first).to_be_visible()
    expect(page.get_by_role("img", name="Loss: Loss over Epoch")).to_be_visible()


def test_the_api_page_tries_a_call_out(open_page: OpenPage, server: Server) -> None:
    page = open_page("/api")
    page.locator(".opblock-summary-control", has_text="/api/v1/limits").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    limit = server.get("/api/v1/limits").json()["max_file_bytes"]
    expect(page.locator(".live-responses-table")).to_contain_text(str(limit))


def test_a_chosen_theme_is_there_before_the_first_paint(open_page: OpenPage) -> None:
    page = open_page(scheme="dark")
    page.wait_for_load_state("networkidle")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.emulate_media(color_scheme="light")
    expect(page.locator("body")).not_to_have_css("background-color", dark)
    page.get_by_role("radio", name="Dark theme").click()
    expect(page.locator("body")).to_have_css("background-color", dark)
    page.route("**/assets/*.js", lambda route: route.abort())
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


@pytest.mark.parametrize("path", ["/", "/compare", "/models/v3"])
def test_a_dark_page_is_printed_in_dark_ink(open_page: OpenPage, path: str) -> None:
    page = open_page(path, scheme="dark")
    wait_for(page, path)
    page.get_by_role("radio", name="Dark theme").click()
    page.emulate_media(media="print")
    expect(page.locator("body")).to_have_css("color", "rgb(26, 36, 32)")
    expect(page.locator("h1")).to_be_visible()


def test_a_view_that_cannot_be_loaded_is_told(open_page: OpenPage) -> None:
    page = open_page()
    page.wait_for_load_state("networkidle")
    page.route("**/assets/*", lambda route: route.abort())
    page.get_by_role("link", name="Models").click()
    expect(page.get_by_role("alert")).to_contain_text("could not be loaded")
    expect(page.get_by_role("heading", level=1, name="Is this face real?")).to_be_visible()
    page.unroute("**/assets/*")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", level=1, name="Models")).to_be_visible()


def test_a_new_page_starts_at_its_content(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("link", name="Models").click()
    expect(page.locator("main")).to_be_focused()
    expect(page).to_have_title(re.compile("^Models"))


def test_the_first_load_is_light(open_page: OpenPage) -> None:
    page = open_page()
    page.wait_for_load_state("networkidle")
    loaded = page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
    code = [url for url in loaded if url.endswith((".js", ".css"))]
    assert code
    sizes = [len(gzip.compress(requests.get(url, timeout=10).content)) for url in code]
    assert sum(sizes) <= FIRST_LOAD_BYTES
