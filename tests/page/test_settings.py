"""The options of the search, and the same request for programs."""

import json
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.page.conftest import (
    CAT,
    Address,
    Watched,
    captioned,
    choose,
    copied,
    note_fields,
    noted_fields,
    plain,
    slide,
    stop_clock,
)

pytestmark = pytest.mark.browser


def test_other_options_caption_anew(opened: Watched) -> None:
    page = opened.page
    card = choose(page, CAT)
    captioned(card)
    page.get_by_role("button", name="Settings").click()
    slide(page, "beam_size", "3")
    expect(card.locator(".beam")).to_have_count(3)
    slide(page, "max_length", "4")
    expect(card.locator(".chip")).to_have_count(4)
    page.get_by_role("button", name="Reset to defaults").click()
    expect(card.locator(".beam")).to_have_count(10)


def test_a_photo_added_right_after_a_change_is_captioned_once(opened: Watched) -> None:
    page = opened.page
    page.get_by_role("button", name="Settings").click()
    stop_clock(page)
    slide(page, "beam_size", "3")
    card = choose(page, CAT)
    captioned(card)
    expect(card.locator(".beam")).to_have_count(3)
    card.locator(".beam").nth(1).click()
    page.clock.run_for(2000)
    expect(card.locator(".beam").nth(1)).to_have_attribute("aria-pressed", "true")
    assert sum(request.endswith("/caption") for request in opened.requests) == 1


def test_settings_as_they_are_send_nothing_and_show_the_model_s_own(opened: Watched) -> None:
    page = opened.page
    page.get_by_role("button", name="Settings").click()
    expect(page.locator("input[name=beam_size]")).to_be_enabled()
    assert page.locator("#search output").all_inner_texts() == ["10", "0.87", "20"]
    note_fields(page)
    captioned(choose(page, CAT))
    assert list(noted_fields(page)) == ["image", "attention"]
    page.get_by_role("button", name="Use the API").click()
    expect(page.locator("#curl")).not_to_contain_text("length_penalty")


def test_a_panel_is_closed_with_escape_and_by_another(opened: Watched) -> None:
    page = opened.page
    settings = page.get_by_role("button", name="Settings")
    settings.click()
    page.get_by_role("button", name="Use the API").click()
    expect(page.locator("#settings")).to_be_hidden()
    settings.click()
    expect(page.locator("#use-api")).to_be_hidden()
    page.locator("input[name=beam_size]").press("Escape")
    expect(page.locator("#settings")).to_be_hidden()
    expect(settings).to_be_focused()


def test_how_people_are_named_is_offered_where_the_model_can(
    browser: Browser, page_server: Address, opened: Watched
) -> None:
    opened.page.get_by_role("button", name="Settings").click()
    expect(opened.page.locator("input[name=beam_size]")).to_be_enabled()
    expect(opened.page.locator("select[name=people]")).to_be_hidden()

    page = browser.new_page()
    response = page.request.get(f"{page_server.url}/model").json()
    response["search"]["people"] = "seen"
    page.route("**/model", lambda route: route.fulfill(body=json.dumps(response)))
    page.route("**/caption", lambda route: route.fulfill(status=422, body='{"code": "stop"}'))
    page.goto(page_server.url)
    page.get_by_role("button", name="Settings").click()
    note_fields(page)
    with page.expect_request("**/caption"):
        choose(page, CAT)
    assert list(noted_fields(page)) == ["image", "attention"]
    with page.expect_request("**/caption"):
        page.locator("select[name=people]").select_option("neutral")
    assert noted_fields(page)["people"] == "neutral"
    page.close()


def test_the_commands_do_the_same_as_the_page(opened: Watched, tmp_path: Path) -> None:
    page = opened.page
    (tmp_path / "photo.jpg").write_bytes(CAT.read_bytes())
    page.get_by_role("button", name="Settings").click()
    slide(page, "length_penalty", "0")
    slide(page, "beam_size", "2")
    caption = plain(captioned(choose(page, CAT)))
    page.get_by_role("button", name="Use the API").click()

    def output(*command: str) -> str:
        return subprocess.run(
            command, cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    curl = page.locator("#curl").inner_text()
    assert "-F beam_size=2" in curl
    answer = json.loads(output("sh", "-c", curl.replace("curl", "curl --silent", 1)))
    assert answer["caption"] == caption
    sent = {"beam_size": 2, "max_length": 20, "length_penalty": 0}
    assert answer["options"] == answer["options"] | sent
    page.get_by_role("tab", name="Python").click()
    assert output(sys.executable, "-c", page.locator("#python").inner_text()) == caption
    page.get_by_role("tab", name="JavaScript").click()
    script = page.locator("#javascript").inner_text().replace("console.log(", "return (")
    said = page.evaluate(
        f"""async (encoded) => {{
            const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
            const file = new Blob([bytes]);
            {script}
        }}""",
        b64encode(CAT.read_bytes()).decode(),
    )
    assert said == caption


def test_the_code_that_is_shown_is_copied(opened: Watched) -> None:
    page = opened.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Use the API").click()
    page.get_by_role("tab", name="curl").press("ArrowRight")
    expect(page.get_by_role("tab", name="Python")).to_be_focused()
    stop_clock(page)
    page.get_by_role("button", name="Copy code").click()
    expect(page.locator("#copy-code")).to_have_text("Copied")
    assert copied(page) == page.locator("#python").inner_text()
