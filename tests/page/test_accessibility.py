"""The page for people who use no mouse, no eyes, or a small or dark screen."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.page.conftest import (
    CAT,
    COFFEE,
    Address,
    Watched,
    answer_with,
    captioned,
    choose,
    failed,
    until,
)

pytestmark = pytest.mark.browser

WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PANELS = ("Settings", "Use the API", "About the model")


def violations(page: Page) -> list[dict[str, Any]]:
    """All that axe-core finds."""
    until(page, "document.getAnimations().every(({playState}) => playState !== 'running')")
    found = Axe().run(page).response["violations"]
    return [{"id": each["id"], "nodes": [node["html"] for node in each["nodes"]]} for each in found]


@pytest.fixture(params=[("light", WIDE), ("dark", PHONE)], ids=["light, wide", "dark, phone"])
def page(request: pytest.FixtureRequest, browser: Browser, page_server: Address) -> Iterator[Page]:
    scheme: Literal["light", "dark"] = request.param[0]
    context = browser.new_context(
        color_scheme=scheme, viewport=request.param[1], reduced_motion="reduce", bypass_csp=True
    )  # axe-core is run inside the page, which its policy would not let it
    page = context.new_page()
    page.goto(page_server.url)
    expect(page.locator("input[name=beam_size]")).to_be_enabled()
    yield page
    context.close()


def test_axe_finds_nothing_on_the_page_in_any_state(page: Page, tmp_path: Path) -> None:
    assert violations(page) == []
    for name in PANELS:
        page.get_by_role("button", name=name).click()
        if name == "About the model":
            expect(page.locator("#about-text h2").first).to_be_visible()
        assert violations(page) == []
    page.get_by_role("button", name="About the model").click()
    card = choose(page, CAT)
    captioned(card)
    card.locator(".chip").nth(1).focus()
    assert violations(page) == []
    Image.new("RGB", (300, 200)).save(tmp_path / "black.png")
    captioned(choose(page, tmp_path / "black.png"))
    assert violations(page) == []
    (tmp_path / "note.png").write_text("no photo")
    failed(choose(page, tmp_path / "note.png"))
    page.locator(".toggle").nth(1).click()
    answer_with(page, 401, "unauthorized", times=1)
    failed(choose(page, COFFEE))
    page.evaluate("dispatchEvent(new DragEvent('drop', {dataTransfer: new DataTransfer()}))")
    expect(page.locator("#notice")).to_be_visible()
    assert violations(page) == []


def test_nothing_is_wider_than_the_screen(page: Page, tmp_path: Path) -> None:
    def fits() -> bool:
        return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))

    for name in PANELS:
        page.get_by_role("button", name=name).click()
        assert fits(), name
    captioned(choose(page, CAT))
    assert fits()
    (tmp_path / f"{'long' * 30}.png").write_text("no photo")
    failed(choose(page, tmp_path / f"{'long' * 30}.png"))
    choose(page, CAT, COFFEE)
    expect(page.locator(".card.captioned")).to_have_count(3)
    assert fits()


def test_who_wants_no_motion_sees_none(page: Page) -> None:
    captioned(choose(page, CAT))
    running = page.evaluate("document.getAnimations().length")
    assert running == 0


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the element has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab does not reach {selector}")


def test_everything_can_be_done_with_the_keyboard(opened: Watched) -> None:
    page = opened.page
    page.on("filechooser", lambda _: None)  # from now on no dialog is shown, which takes a moment
    expect(page.locator("input[name=beam_size]")).to_be_enabled()
    tab_to(page, "[aria-controls=settings]")
    page.keyboard.press("Enter")
    tab_to(page, "input[name=beam_size]")
    page.keyboard.press("ArrowLeft")
    tab_to(page, "#file")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files([CAT])
    card = page.locator(".card")
    captioned(card)
    expect(card.locator(".beam")).to_have_count(9)
    tab_to(page, ".play")
    tab_to(page, ".chip")
    expect(card.locator(".chip").first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(card.locator(".chip").nth(1)).to_be_focused()
    expect(card.locator(".word-facts")).to_contain_text(re.compile(r"\d+% from the photo"))
    page.keyboard.press("ArrowLeft")
    expect(card.locator(".chip").first).to_be_focused()
    tab_to(page, ".beam:not([aria-pressed=true])")
    page.keyboard.press("Enter")
    expect(card.locator(".beam").nth(1)).to_have_attribute("aria-pressed", "true")


def test_a_finished_caption_is_read_aloud(opened: Watched) -> None:
    page = opened.page
    choose(page, CAT, COFFEE)
    expect(page.locator(".card.captioned")).to_have_count(2)
    log = page.get_by_role("log")
    expect(log.locator("p")).to_have_count(2)
    for caption in page.locator(".card .caption").all_inner_texts():
        expect(log).to_contain_text(caption)


def test_a_failure_is_read_aloud_with_the_file_s_name(opened: Watched, tmp_path: Path) -> None:
    (tmp_path / "note.png").write_text("no photo")
    choose(opened.page, tmp_path / "note.png")
    expect(opened.page.get_by_role("log")).to_contain_text("note.png: The file is not an image")


def test_what_a_word_came_from_is_told_to_those_who_do_not_see_it(opened: Watched) -> None:
    card = choose(opened.page, CAT)
    captioned(card)
    chip = card.locator(".chip").first
    expect(chip).to_have_accessible_name(re.compile(r"^a ?\d+%$"))
    expect(chip).to_have_accessible_description(
        re.compile(r"^\d+% from the photo, \d+% from the words before it$")
    )
