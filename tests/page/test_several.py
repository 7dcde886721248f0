"""Several photos: rows, what can be done with all of them, and what is kept."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import (
    CAT,
    COFFEE,
    MOTORCYCLE,
    Gate,
    Watched,
    answer_with,
    captioned,
    choose,
    copied,
    stop_clock,
    until,
)

pytestmark = pytest.mark.browser


def add_three(page: Page) -> list[str]:
    """Their captions."""
    choose(page, CAT, COFFEE, MOTORCYCLE)
    expect(page.locator(".card.captioned")).to_have_count(3)
    return page.locator(".card .caption").all_inner_texts()


def kept(page: Page, count: int) -> None:
    """Wait until so many captions are in the session's storage."""
    until(page, "count => JSON.parse(sessionStorage.captions ?? '[]').length === count", count)


def test_several_photos_are_rows_that_open(opened: Watched) -> None:
    page = opened.page
    add_three(page)
    names = page.locator(".card .name").all_inner_texts()
    assert names == ["chelsea.png", "coffee.png", "motorcycle_left.png"]
    expect(page.locator("#batch-facts")).to_have_text("3 photos, 3 captioned")
    expect(page.locator(".words").filter(visible=True)).to_have_count(0)
    toggle = page.get_by_role("button", name="Details of coffee.png")
    toggle.click()
    expect(toggle).to_have_attribute("aria-expanded", "true")
    expect(page.locator(".words").filter(visible=True)).to_have_count(1)
    toggle.click()
    expect(page.locator(".words").filter(visible=True)).to_have_count(0)


def test_their_progress_shows(opened: Watched) -> None:
    page = opened.page
    gate = Gate(page)
    choose(page, CAT, COFFEE, MOTORCYCLE)
    expect(page.locator(".card.reading")).to_have_count(2)
    expect(page.locator("#progress")).to_be_visible()
    gate.open()
    expect(page.locator("#progress")).to_be_hidden()


def test_all_captions_are_copied_a_line_each(opened: Watched) -> None:
    page = opened.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    captions = add_three(page)
    stop_clock(page)
    page.get_by_role("button", name="Copy all").click()
    expect(page.locator("#copy-all")).to_have_text("Copied")
    assert copied(page).split("\n") == captions


def test_all_captions_are_downloaded_as_csv_and_json(opened: Watched, tmp_path: Path) -> None:
    page = opened.page
    add_three(page)
    (tmp_path / "=1+1.txt").write_text("no photo")
    choose(page, tmp_path / "=1+1.txt")
    expect(page.locator(".card.failed")).to_have_count(1)

    def download(name: str) -> str:
        with page.expect_download() as downloaded:
            page.get_by_role("button", name=f"Download {name}").click()
        return Path(downloaded.value.path()).read_text(encoding="utf-8")

    rows = list(csv.DictReader(io.StringIO(download("CSV"))))
    assert [row["file"] for row in rows] == [
        "'=1+1.txt",
        "chelsea.png",
        "coffee.png",
        "motorcycle_left.png",
    ]
    assert rows[0]["error"] == "not_an_image"
    assert rows[1]["caption"].startswith("a picture")
    assert 0 < float(rows[1]["confidence"]) < 1
    assert rows[1]["uncertain"] == "false"
    described = json.loads(download("JSON"))
    assert described[0] == {"file": "=1+1.txt", "error": "not_an_image"}
    assert described[1]["caption"] == rows[1]["caption"]
    assert len(described[1]["beams"]) == 10


def test_those_that_failed_are_tried_again_together(opened: Watched) -> None:
    page = opened.page
    answer_with(page, 500, "internal_error", times=2)
    choose(page, CAT, COFFEE)
    expect(page.locator(".card.failed")).to_have_count(2)
    expect(page.locator("#batch-facts")).to_have_text("2 photos, 0 captioned, 2 failed")
    page.get_by_role("button", name="Retry failed").press("Enter")
    expect(page.locator("#batch")).to_be_focused()
    expect(page.locator(".card.captioned")).to_have_count(2)
    expect(page.locator("#retry")).to_be_hidden()


def test_what_no_retry_can_help_is_not_retried(opened: Watched, tmp_path: Path) -> None:
    page = opened.page
    (tmp_path / "note.txt").write_text("no photo")
    answer_with(page, 500, "internal_error", times=1)
    choose(page, CAT)
    expect(page.locator(".card.failed")).to_have_count(1)
    choose(page, tmp_path / "note.txt")
    expect(page.locator(".card.failed")).to_have_count(2)
    page.get_by_role("button", name="Retry failed").click()
    expect(page.locator("#batch-facts")).to_have_text("2 photos, 1 captioned, 1 failed")
    expect(page.locator("#retry")).to_be_hidden()


def test_clearing_asks_while_captions_are_unsaved(opened: Watched) -> None:
    page = opened.page
    add_three(page)
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".card")).to_have_count(3)
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".card")).to_have_count(0)
    expect(page.locator(".lead")).to_be_visible()


def test_captions_survive_a_reload(opened: Watched) -> None:
    page = opened.page
    page.on("dialog", lambda dialog: dialog.accept())
    captions = add_three(page)
    page.locator(".toggle").first.click()
    page.locator(".beam").nth(2).click()
    captions[0] = captions[0].replace("first", "third")
    until(page, "JSON.parse(sessionStorage.captions ?? '[]')[0]?.used === 2")
    kept(page, 3)
    page.reload()
    expect(page.locator(".card.captioned")).to_have_count(3)
    assert page.locator(".card .caption").all_inner_texts() == captions
    expect(page.locator(".card img").first).to_have_js_property("complete", True)
    assert page.locator(".card img").first.evaluate("image => image.naturalWidth") > 100
    page.locator(".toggle").first.click()
    expect(page.locator(".word-facts").first).to_contain_text("Add the photo again")


def test_removed_photos_are_not_kept(opened: Watched) -> None:
    page = opened.page
    captioned(choose(page, CAT))
    kept(page, 1)
    page.get_by_role("button", name="Remove chelsea.png").click()
    kept(page, 0)
    page.reload()
    expect(page.locator(".card")).to_have_count(0)


def test_the_focus_and_the_place_on_the_page_stay_when_a_photo_is_removed(
    opened: Watched,
) -> None:
    page = opened.page
    page.set_viewport_size({"width": 800, "height": 300})
    add_three(page)
    page.get_by_role("button", name="Remove coffee.png").press("Enter")
    expect(page.get_by_role("button", name="Remove motorcycle_left.png")).to_be_focused()
    scrolled = page.evaluate("scrollY")
    assert scrolled > 100
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Remove chelsea.png")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#file")).to_be_focused()


def test_on_a_phone_the_focus_goes_to_what_the_next_row_shows(phone: Page) -> None:
    add_three(phone)
    phone.get_by_role("button", name="Details of coffee.png").click()
    phone.get_by_role("button", name="Remove coffee.png").click()
    expect(phone.get_by_role("button", name="Details of motorcycle_left.png")).to_be_focused()


def test_leaving_asks_only_while_several_captions_are_unsaved(opened: Watched) -> None:
    page = opened.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    asked: list[str] = []

    def accept(dialog: object) -> None:
        asked.append(getattr(dialog, "type", ""))
        dialog.accept()  # type: ignore[attr-defined]

    page.on("dialog", accept)
    captioned(choose(page, CAT))
    page.reload()
    assert asked == []
    page.get_by_role("button", name="Remove chelsea.png").click()
    add_three(page)
    page.reload()
    assert asked == ["beforeunload"]
    page.get_by_role("button", name="Copy all").click()
    until(page, "JSON.parse(sessionStorage.captions).every(({saved}) => saved)")
    page.reload()
    assert asked == ["beforeunload"]


def test_a_new_single_photo_is_open_above_the_rows(opened: Watched) -> None:
    page = opened.page
    choose(page, CAT, COFFEE)
    card = choose(page, MOTORCYCLE)
    captioned(card)
    expect(card).to_have_class(re.compile(r"\bopen\b"))
    expect(page.locator(".card.open")).to_have_count(1)
