"""What a person does and reads on the page, for tests to say in one line."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

VERDICTS = {"fake": "Likely fake", "real": "Likely real", "inconclusive": "Inconclusive"}
ANSWER_MS = 15_000


def check_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Check this photograph")


def choose(page: Page, *files: Path | dict[str, Any]) -> None:
    page.locator("input[type=file]").set_input_files(list(files))


def check(page: Page, photo: Path) -> None:
    choose(page, photo)
    check_button(page).click()


def verdict(page: Page) -> Locator:
    return page.locator("#verdict")


def alert(page: Page) -> Locator:
    return page.get_by_role("alert")


def expect_verdict(page: Page, judged: dict[str, Any]) -> None:
    expect(verdict(page)).to_have_text(VERDICTS[judged["verdict"]], timeout=ANSWER_MS)


def wait_for_stage(page: Page) -> None:
    """Views are loaded when they are needed, and before that nobody listens to a drop."""
    page.locator("input[type=file]").wait_for(state="attached")


def drop(page: Page, name: str, kind: str, content: bytes, copies: int = 1) -> None:
    wait_for_stage(page)
    page.evaluate(
        """([name, kind, content, copies]) => {
            const transfer = new DataTransfer()
            for (let i = 0; i < copies; i++)
                transfer.items.add(new File([new Uint8Array(content)], name, { type: kind }))
            window.dispatchEvent(
                new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }))
        }""",
        [name, kind, list(content), copies],
    )


def paste(page: Page, name: str, kind: str, content: bytes) -> None:
    wait_for_stage(page)
    page.evaluate(
        """([name, kind, content]) => {
            const transfer = new DataTransfer()
            transfer.items.add(new File([new Uint8Array(content)], name, { type: kind }))
            window.dispatchEvent(new ClipboardEvent('paste', { clipboardData: transfer }))
        }""",
        [name, kind, list(content)],
    )


def sample(page: Page, label: str) -> Locator:
    return page.get_by_role("button", name=label, exact=True)
