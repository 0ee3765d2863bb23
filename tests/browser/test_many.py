"""A pile of photographs: from a drop to a list of verdicts, its exports, and what may go wrong."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.steps import ANSWER_MS, VERDICTS, choose, drop, paste, wait_for_stage
from tests.browser.test_detect import overflows, press_until
from tests.browser.test_pages import violations
from tests.conftest import Server
from tests.networks import NetworkFactory
from tests.portraits import scene

pytestmark = pytest.mark.slow
PREDICTIONS = "**/api/v1/predictions*"


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Three portraits, of which the second is lit up, and the third has no face."""
    pictures = {
        "dark.jpg": scene([120], width=400, height=300),
        "bright.jpg": scene([120], width=400, height=300, brightest=0),
        "wall.jpg": Image.new("RGB", (300, 200), (90, 100, 110)),
    }
    for name, picture in pictures.items():
        picture.save(tmp_path / name, quality=92)
    return [tmp_path / name for name in pictures]


def rows(page: Page) -> Locator:
    return page.locator("li.row")


def names(page: Page) -> list[str]:
    return rows(page).locator(".name").all_inner_texts()


def row(page: Page, name: str) -> Locator:
    return rows(page).filter(has=page.get_by_text(name, exact=True))


def expect_done(page: Page, done: int, of: int | None = None) -> None:
    photographs = "photograph" if (of or done) == 1 else "photographs"
    expect(page.locator("#queue")).to_have_text(
        f"{done} of {of or done} {photographs} done", timeout=240_000
    )


def open_with(open_page: OpenPage, files: list[Path], of: Server, **options: Any) -> Page:
    page = open_page("/many", of=of, **options)
    choose(page, *files)
    expect_done(page, len(files))
    return page


@pytest.mark.parametrize("width", [390, 1280])
def test_several_on_the_start_page_go_to_the_list_and_are_judged(
    open_page: OpenPage, face_server: Server, photos: list[Path], width: int
) -> None:
    page = open_page(of=face_server, width=width)
    choose(page, *photos)
    expect(page.get_by_role("heading", level=1, name="Many photographs")).to_be_visible()
    expect_done(page, 3)
    for photo in photos:
        judged = face_server.judge(photo.read_bytes(), faces="auto").json()["results"][0]
        shown = row(page, photo.name)
        expect(shown).to_contain_text(VERDICTS[judged["verdict"]])
        expect(shown).to_contain_text(f"{judged['fake_probability'] * 100:.1f} %")
        expect(shown.locator("img")).to_be_visible()
    expect(row(page, "wall.jpg")).to_contain_text("No face was found")
    spoken = page.locator("[role=status][aria-live=polite]")
    expect(spoken).to_contain_text("3 photographs: ")
    assert not overflows(page)


def test_dropped_and_pasted_images_are_added(open_page: OpenPage, png: bytes) -> None:
    page = open_page()
    drop(page, "dropped.png", "image/png", png, copies=2)
    expect_done(page, 2)
    paste(page, "pasted.png", "image/png", png)
    expect_done(page, 3)
    drop(page, "again.png", "image/png", png)
    expect_done(page, 4)
    assert names(page) == ["dropped.png", "dropped.png", "pasted.png", "again.png"]


def test_the_list_is_sorted_by_score(
    open_page: OpenPage, face_server: Server, photos: list[Path], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff")
    page = open_with(open_page, [broken, *photos], face_server)
    scores = {
        photo.name: face_server.judge(photo.read_bytes(), faces="auto").json()["results"][0]
        for photo in photos
    }
    highest = sorted(scores, key=lambda name: -scores[name]["fake_probability"])
    assert names(page) == ["broken.jpg", *scores]
    page.get_by_label("Sort").select_option("Highest score first")
    assert names(page) == [*highest, "broken.jpg"]
    page.get_by_label("Sort").select_option("Lowest score first")
    assert names(page) == [*reversed(highest), "broken.jpg"]


def export(page: Page, button: str) -> str:
    with page.expect_download() as started:
        page.get_by_role("button", name=button).click()
    return Path(started.value.path()).read_text(encoding="utf-8-sig")


def test_results_are_exported(
    open_page: OpenPage, face_server: Server, photos: list[Path], tmp_path: Path
) -> None:
    formula = tmp_path / '=HYPERLINK("x"),1.jpg'
    photos[0].rename(formula)
    notes = tmp_path / "notes.txt"
    notes.write_text("hello")
    files = [formula, *photos[1:], notes]
    page = open_with(open_page, files, face_server)

    exported = json.loads(export(page, "Export JSON"))
    assert "not proof" in exported["note"]
    for file, result in zip(files, exported["results"], strict=True):
        assert (result["file"], result["bytes"]) == (file.name, file.stat().st_size)
        assert result["added_at"] <= result["finished_at"]
    answers = [result["answer"] for result in exported["results"]]
    assert answers[3] is None
    assert "not an image" in exported["results"][3]["failure"]["title"]
    for photo, answer in zip(files[:3], answers, strict=False):
        own = face_server.judge(photo.read_bytes(), faces="auto").json()
        assert answer["model"] == own["model"]
        same = {"fake_probability", "verdict", "reason", "faces", "width", "height"}
        assert {k: answer["result"][k] for k in same} == {k: own["results"][0][k] for k in same}

    table = list(csv.DictReader(io.StringIO(export(page, "Export CSV"))))
    assert [line["file"] for line in table] == [f"'{formula.name}", *(f.name for f in files[1:])]
    for line, answer in zip(table[:3], answers, strict=False):
        assert float(line["fake_probability"]) == answer["result"]["fake_probability"]
        assert line["verdict"] == answer["result"]["verdict"]
    assert (table[3]["state"], table[3]["fake_probability"]) == ("failed", "")


def test_only_the_report_goes_to_paper(
    open_page: OpenPage, face_server: Server, photos: list[Path]
) -> None:
    page = open_with(open_page, photos, face_server, scheme="dark")
    page.evaluate("window.print = () => (window.printed = true)")
    page.get_by_role("button", name="Print report").click()
    assert page.evaluate("window.printed")
    page.emulate_media(media="print")
    report = page.get_by_role("region", name="Report")
    expect(report).to_contain_text("faces, version 1.0")
    expect(report).to_contain_text("not proof")
    expect(report).to_contain_text("50 %")
    for photo in photos:
        expect(report).to_contain_text(photo.name)
    expect(report.locator("img")).to_have_count(3)
    expect(page.get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("navigation")).to_have_count(0)
    # dark ink, whatever the theme of the screen
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(26, 36, 32)"


def test_bad_files_are_named_with_the_reason_and_the_rest_goes_on(
    open_page: OpenPage, face_server: Server, photos: list[Path], tmp_path: Path
) -> None:
    limit = face_server.get("/api/v1/limits").json()["max_file_bytes"]
    bad = {
        "empty.jpg": (b"", "0 bytes"),
        "notes.txt": (b"hello", "not an image"),
        "huge.jpg": (b"\xff\xd8" + bytes(limit), "too big"),
        "letter.jpg": (b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n", "Not an image format"),
    }
    for name, (content, _) in bad.items():
        (tmp_path / name).write_bytes(content)
    files = [photos[0], *(tmp_path / name for name in bad), photos[1]]
    page = open_with(open_page, files, face_server)
    for name, (_, reason) in bad.items():
        expect(row(page, name)).to_contain_text(reason)
        expect(row(page, name).get_by_role("button", name="Try")).to_have_count(0)
    for photo in photos[:2]:
        expect(row(page, photo.name)).to_contain_text("%")
    expect(page.locator(".summary")).to_contain_text("4 failed")


def test_a_folder_is_named_and_what_lies_beside_it_is_judged(
    open_page: OpenPage, png: bytes
) -> None:
    page = open_page("/many")
    page.evaluate(
        """() => {
            DataTransferItem.prototype.webkitGetAsEntry = function () {
                return { isDirectory: this.getAsFile().name === 'holiday' }
            }
        }"""
    )
    drop(page, "holiday", "", b"")
    expect(row(page, "holiday")).to_contain_text("holiday is a folder")
    drop(page, "portrait.png", "image/png", png)
    expect_done(page, 2)
    expect(row(page, "portrait.png")).to_contain_text("%")


def test_what_is_no_file_is_told(open_page: OpenPage) -> None:
    page = open_page("/many")
    wait_for_stage(page)
    page.evaluate(
        """() => {
            const transfer = new DataTransfer()
            transfer.setData('text/plain', 'hello')
            window.dispatchEvent(
                new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }))
        }"""
    )
    expect(page.get_by_role("status").filter(has_text="That was no file")).to_be_visible()


def test_of_sixty_the_first_fifty_are_judged(
    open_page: OpenPage, face_server: Server, png: bytes
) -> None:
    page = open_page(of=face_server)
    drop(page, "a.png", "image/png", png, copies=60)
    left_out = page.get_by_role("status").filter(has_text="holds 50 photographs; 10")
    expect(left_out).to_be_visible(timeout=ANSWER_MS)
    page.get_by_text("The names of those left out").click()
    expect(page.locator(".left-out li")).to_have_count(10)
    expect(rows(page)).to_have_count(50)
    expect_done(page, 50)


def test_a_server_that_goes_away_is_told_for_each_and_tried_again(
    open_page: OpenPage,
    start_server: Callable[..., Server],
    photos: list[Path],
    tmp_path: Path,
) -> None:
    networks = NetworkFactory(tmp_path / "model", tmp_path / "cache")
    networks("faces", crop="face")
    settings = {
        "model_folder": networks.folder,
        "cache": networks.cache,
        "tensorboard_upstream": "http://127.0.0.1:9",  # nothing listens there
    }
    server = start_server(**settings)
    page = open_page("/many", of=server)
    sent = []

    def stop_at_third(route: Route) -> None:
        sent.append(route)
        if len(sent) == 3:
            server.stop()
        route.continue_()

    page.route(PREDICTIONS, stop_at_third)
    choose(page, *photos, *photos)
    expect_done(page, 6)
    expect(page.locator(".summary")).to_contain_text("4 failed")
    expect(rows(page).filter(has_text="cannot be reached")).to_have_count(4)
    start_server(port=urlsplit(server.url).port, **settings)
    rows(page).nth(5).get_by_role("button", name="Try wall.jpg again").click()
    expect(rows(page).filter(has_text="cannot be reached")).to_have_count(3)
    page.get_by_role("button", name="Retry failed").click()
    expect(rows(page).filter(has_text="cannot be reached")).to_have_count(0)
    expect_done(page, 6)


def test_an_unreadable_answer_fails_one_and_a_busy_server_is_waited_for(
    open_page: OpenPage, face_server: Server, photos: list[Path]
) -> None:
    page = open_page("/many", of=face_server)
    answers: list[dict[str, Any]] = [
        {"body": "<html>welcome</html>", "status": 200},
        {"body": "{}", "status": 503, "headers": {"Retry-After": "2"}},
        {"body": "{}", "status": 429, "headers": {"Retry-After": "1"}},
    ]
    page.route(
        PREDICTIONS,
        lambda route: route.fulfill(**answers.pop(0)) if answers else route.continue_(),
    )
    choose(page, *photos)
    expect(rows(page).filter(has_text="trying again in 2 s")).to_have_count(1)
    expect_done(page, 3)
    expect(rows(page).filter(has_text="unreadable")).to_have_count(1)
    expect(page.locator(".summary")).to_contain_text("1 failed")


def hold(page: Page) -> None:
    """Let no photograph reach the server."""
    page.route(PREDICTIONS, lambda _: None)


def test_a_cancelled_queue_goes_on_later(
    open_page: OpenPage, face_server: Server, photos: list[Path]
) -> None:
    page = open_page("/many", of=face_server)
    hold(page)
    choose(page, *photos)
    expect(rows(page).filter(has_text="Sending")).to_have_count(2)
    expect(row(page, "wall.jpg")).to_contain_text("Waiting")
    page.get_by_role("button", name="Cancel").click()
    expect(rows(page).filter(has_text="Not checked")).to_have_count(3)
    page.unroute_all(behavior="ignoreErrors")
    page.get_by_role("button", name="Check the other 3").click()
    expect_done(page, 3)


def wait_until_kept(page: Page, photographs: int) -> None:
    """Wait until so many photographs lie in the browser's database."""
    page.wait_for_function(
        """photographs => new Promise((resolve) => {
            const opening = indexedDB.open('queue')
            opening.onsuccess = () => {
                const count = opening.result.transaction('rows').objectStore('rows').count()
                count.onsuccess = () => {
                    opening.result.close()
                    resolve(count.result === photographs)
                }
            }
        })""",
        arg=photographs,
    )


def test_a_reload_keeps_results_and_what_was_unfinished(
    open_page: OpenPage, face_server: Server, photos: list[Path]
) -> None:
    page = open_with(open_page, photos[:2], face_server)
    before = rows(page).all_inner_texts()
    hold(page)
    choose(page, photos[2])
    expect(row(page, "wall.jpg")).to_contain_text("Sending")
    expect(row(page, "wall.jpg").locator("img")).to_be_visible()
    wait_until_kept(page, 3)
    page.unroute_all(behavior="ignoreErrors")
    page.reload()
    expect_done(page, 2, of=3)
    assert rows(page).all_inner_texts()[:2] == before
    expect(rows(page).locator("img")).to_have_count(3)
    expect(row(page, "wall.jpg")).to_contain_text("Not checked")
    page.get_by_role("button", name="Check the other 1").click()
    expect_done(page, 3)
    expect(row(page, "wall.jpg")).to_contain_text("No face was found")


def test_the_queue_goes_on_while_another_page_is_open(
    open_page: OpenPage, face_server: Server, photos: list[Path]
) -> None:
    page = open_page("/many", of=face_server)
    choose(page, *photos)
    page.get_by_role("link", name="Models", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="Models")).to_be_visible()
    page.get_by_role("link", name="Many", exact=True).click()
    expect_done(page, 3)
    assert names(page) == [photo.name for photo in photos]


def test_a_second_tab_waits_until_the_first_is_closed(
    open_page: OpenPage, face_server: Server, photos: list[Path]
) -> None:
    page = open_with(open_page, photos[:1], face_server)
    second = page.context.new_page()
    second.goto(page.url)
    notice = second.get_by_role("heading", name="This list is open in another tab")
    expect(notice).to_be_visible()
    expect(second.locator("input[type=file]")).to_have_count(0)
    expect(rows(second)).to_have_count(0)
    page.close()
    expect(notice).to_have_count(0)
    expect(rows(second)).to_have_count(1)


# resolves with the number of rows and files in the browser's database
KEPT = """() => new Promise((resolve) => {
    const opening = indexedDB.open('queue')
    opening.onsuccess = () => {
        const transaction = opening.result.transaction(['rows', 'files'])
        const counts = ['rows', 'files'].map((name) => transaction.objectStore(name).count())
        transaction.oncomplete = () => {
            opening.result.close()
            resolve(counts[0].result + counts[1].result)
        }
    }
})"""


def test_clearing_leaves_nothing_and_can_be_undone(
    open_page: OpenPage, face_server: Server, photos: list[Path]
) -> None:
    page = open_with(open_page, photos, face_server)
    page.get_by_role("button", name="Remove wall.jpg").click()
    expect(rows(page)).to_have_count(2)
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    undo.click()
    expect(rows(page)).to_have_count(3)
    assert names(page) == [photo.name for photo in photos]

    page.get_by_role("button", name="Clear all").click()
    expect(page.get_by_role("status").filter(has_text="3 photographs removed")).to_be_visible()
    undo.click()
    expect_done(page, 3)
    page.get_by_role("button", name="Clear all").click()
    expect(page.get_by_role("heading", name="No photographs yet")).to_be_visible()
    page.wait_for_function(f"({KEPT})().then((n) => n === 0)")
    page.reload()
    expect(page.get_by_role("heading", name="No photographs yet")).to_be_visible()


def test_a_browser_that_keeps_nothing_still_judges(
    open_page: OpenPage, face_server: Server, photos: list[Path]
) -> None:
    page = open_page("/models", of=face_server)
    page.evaluate("() => { IDBFactory.prototype.open = () => { throw new Error('blocked') } }")
    page.get_by_role("link", name="Many", exact=True).click()
    choose(page, *photos)
    expect_done(page, 3)
    expect(page.get_by_role("status").filter(has_text="not survive a reload")).to_be_visible()


def test_the_list_works_by_keyboard(
    open_page: OpenPage, face_server: Server, photos: list[Path]
) -> None:
    page = open_page("/many", of=face_server)
    expect(page.get_by_role("combobox", name="Network")).to_be_visible()
    press_until(page, "Tab", "input[type=file]")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files(photos)
    expect_done(page, 3)
    press_until(page, "Tab", "select")
    page.keyboard.press("h")
    assert names(page)[0] == "bright.jpg"
    press_until(page, "Tab", "[aria-label='Remove bright.jpg']")
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(2)
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(3)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_beside_a_list(
    open_page: OpenPage,
    face_server: Server,
    axe: str,
    photos: list[Path],
    tmp_path: Path,
    scheme: str,
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("hello")
    page = open_with(open_page, [*photos, notes], face_server, scheme=scheme)
    hold(page)
    choose(page, photos[0])
    expect(rows(page).filter(has_text="Sending")).to_have_count(1)
    page.get_by_role("button", name="Remove wall.jpg").click()
    assert violations(page, axe) == []
    page.unroute_all(behavior="ignoreErrors")
