"""The page for people who use no mouse, no eyes, or a small or dark screen."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from benchmarks.server import Server
from tests.end_to_end.conftest import Watched
from tests.end_to_end.test_page import CAT, COFFEE, captioned, choose, failed

pytestmark = pytest.mark.browser

WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


def violations(page: Page) -> list[dict[str, Any]]:
    """What axe-core calls serious or critical."""
    found = Axe().run(page).response["violations"]
    return [
        {"id": each["id"], "nodes": [node["html"] for node in each["nodes"]]}
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


@pytest.fixture(params=[("light", WIDE), ("dark", PHONE)], ids=["light, wide", "dark, phone"])
def page(request: pytest.FixtureRequest, browser: Browser, server: Server) -> Iterator[Page]:
    scheme: Literal["light", "dark"] = request.param[0]
    context = browser.new_context(
        color_scheme=scheme, viewport=request.param[1], reduced_motion="reduce", bypass_csp=True
    )  # axe-core is run inside the page, which its policy would not let it
    page = context.new_page()
    page.goto(server.url)
    yield page
    context.close()


def test_nothing_serious_is_found_on_the_page_in_any_state(page: Page, tmp_path: Path) -> None:
    assert violations(page) == []
    for summary in ("#options summary", "#about summary"):
        page.locator(summary).click()
    expect(page.locator("#about-text")).to_contain_text("What it gets wrong")
    card = choose(page, CAT)
    captioned(card)
    card.locator(".others summary").click()
    card.locator(".chip").nth(1).focus()
    assert violations(page) == []
    (tmp_path / "note.png").write_text("no photo")
    failed(choose(page, tmp_path / "note.png"))
    assert violations(page) == []


def test_nothing_is_wider_than_the_screen(page: Page) -> None:
    for summary in ("#options summary", "#about summary"):
        page.locator(summary).click()
    card = choose(page, CAT)
    captioned(card)
    card.locator(".others summary").click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the element has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab does not reach {selector}")


def test_everything_can_be_done_with_the_keyboard(opened: Watched) -> None:
    page = opened.page
    page.on("filechooser", lambda _: None)  # from now on no dialog is shown, which takes a moment
    tab_to(page, "#file")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files([CAT])
    card = page.locator(".card")
    captioned(card)
    tab_to(page, "#options summary")
    page.keyboard.press("Enter")
    tab_to(page, "input[name=beam_size]")
    page.keyboard.press("ArrowLeft")
    expect(card.locator("tbody tr")).to_have_count(9, timeout=20_000)
    tab_to(page, ".play")
    tab_to(page, ".chip")
    expect(card.locator(".chip").first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(card.locator(".chip").nth(1)).to_be_focused()
    expect(card.locator(".word-facts")).to_contain_text(re.compile(r"\d+% looked"))
    page.keyboard.press("ArrowLeft")
    expect(card.locator(".chip").first).to_be_focused()
    tab_to(page, ".others summary")
    page.keyboard.press("Enter")
    tab_to(page, "tbody button")
    tab_to(page, "#about summary")
    page.keyboard.press("Enter")
    expect(page.locator("#about-text")).to_contain_text("What it gets wrong")


def test_a_finished_caption_is_read_aloud(opened: Watched) -> None:
    page = opened.page
    choose(page, CAT, COFFEE)
    expect(page.locator(".card.captioned")).to_have_count(2, timeout=20_000)
    log = page.get_by_role("log")
    expect(log.locator("p")).to_have_count(2)
    for card in page.locator(".card").all():
        caption = card.locator(".caption").inner_text()
        expect(log).to_contain_text(re.compile(re.escape(caption), re.IGNORECASE))


def test_a_failure_is_read_aloud_with_the_file_s_name(opened: Watched, tmp_path: Path) -> None:
    (tmp_path / "note.png").write_text("no photo")
    choose(opened.page, tmp_path / "note.png")
    expect(opened.page.get_by_role("log")).to_contain_text("note.png: The file is not an image")


def test_what_a_word_came_from_is_told_to_those_who_do_not_see_it(opened: Watched) -> None:
    card = choose(opened.page, CAT)
    captioned(card)
    chip = card.locator(".chip").first
    expect(chip).to_have_accessible_name(re.compile(r"^a ?\d+%$"))
    expect(chip).to_have_accessible_description(re.compile(r"^\d+% looked, \d+% from language$"))
