"""What somebody sees and can do first."""

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.page.conftest import (
    CAT,
    SECONDS,
    Address,
    Watched,
    captioned,
    choose,
    note_fields,
    noted_fields,
)

pytestmark = pytest.mark.browser


def test_every_sample_photo_is_captioned_with_a_click(opened: Watched) -> None:
    page = opened.page
    samples = page.locator("#samples button")
    for i in range(samples.count()):
        samples.nth(i).click()
        expect(page.locator(".card.captioned")).to_have_count(i + 1)
    assert 4 <= samples.count() <= 6


def test_it_says_what_it_is_good_and_poor_at(opened: Watched) -> None:
    expect(opened.page.locator(".honest")).to_contain_text("Good at everyday photos")
    expect(opened.page.locator(".honest")).to_contain_text("Poor at text")


def test_nothing_empty_is_shown(opened: Watched) -> None:
    page = opened.page
    for selector in (".panel", "#notice", "#batch", ".card"):
        expect(page.locator(selector).filter(visible=True)).to_have_count(0)


def test_a_photo_added_before_the_model_is_known_is_sent_without_options(
    browser: Browser, page_server: Address
) -> None:
    page = browser.new_page()
    held: list[Route] = []
    page.route("**/model", lambda route: held.append(route))
    page.goto(page_server.url)
    note_fields(page)
    captioned(choose(page, CAT))
    assert list(noted_fields(page)) == ["image", "attention"]
    held[0].continue_()
    expect(page.locator("input[name=beam_size]")).to_be_enabled()
    page.close()


def test_while_the_server_starts_the_page_says_so(browser: Browser, page_server: Address) -> None:
    page = browser.new_page()
    page.route(
        "**/model",
        lambda route: route.fulfill(
            status=503,
            body='{"code": "not_ready", "state": "starting"}',
            headers={"Retry-After": "1"},
        ),
    )
    page.goto(page_server.url)
    notice = page.locator("#notice")
    expect(notice).to_contain_text("The server is still loading its model.")
    page.unroute("**/model")
    expect(notice).to_be_hidden()
    page.close()


def test_a_touch_screen_is_offered_its_camera_and_no_dropping(phone: Page) -> None:
    expect(phone.locator("#camera-button")).to_be_visible()
    assert phone.locator("#camera").get_attribute("capture") == "environment"
    assert "drop" not in phone.locator("body").inner_text().lower()
    phone.set_input_files("#camera", CAT)
    captioned(phone.locator(".card"))


def test_what_is_touched_is_44_pixels_wide_and_high(phone: Page) -> None:
    captioned(choose(phone, CAT))
    phone.get_by_role("button", name="Settings").click()
    expect(phone.locator("input[name=beam_size]")).to_be_enabled()
    small = phone.evaluate(
        """() => [...document.querySelectorAll("button, .button, select, input[type=range]")]
            .filter((element) => element.checkVisibility({visibilityProperty: true}))
            .map((element) => [element.outerHTML, element.getBoundingClientRect()])
            .filter(([, {width, height}]) => height < 43.9 || width < 24)
            .map(([html, {width, height}]) => `${html} ${width}x${height}`)"""
    )
    assert small == []


def test_on_a_phone_the_photo_stays_in_view_above_its_words(phone: Page) -> None:
    card = choose(phone, CAT)
    captioned(card)
    card.locator(".beam").nth(5).scroll_into_view_if_needed()
    expect(card.locator(".photo")).to_be_in_viewport(ratio=0.9)


def test_what_the_model_is_and_gets_wrong_is_told_from_its_card(opened: Watched) -> None:
    opened.page.get_by_role("button", name="About the model").click()
    expect(opened.page.locator("#about-text h2").first).to_be_visible()


def test_a_model_card_that_cannot_be_loaded_is_asked_for_again(opened: Watched) -> None:
    page = opened.page
    page.route("**/model/card", lambda route: route.abort(), times=1)
    about = page.get_by_role("button", name="About the model")
    about.click()
    expect(page.locator("#about-text")).to_have_text("The model card cannot be loaded now.")
    about.click()
    expect(page.locator("#about")).to_be_hidden()
    about.click()
    expect(page.locator("#about-text h2").first).to_be_visible()


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_api_s_documentation_asks_no_other_host(opened: Watched, path: str) -> None:
    opened.page.goto(f"{opened.page.url.rstrip('/')}{path}")
    title = opened.page.get_by_text("Caption a photo").filter(visible=True)  # menus may be closed
    expect(title.first).to_be_visible(timeout=60 * SECONDS)


def test_the_first_execute_in_docs_gets_a_caption_with_the_model_s_defaults(
    opened: Watched,
) -> None:
    page = opened.page
    defaults = page.request.get(f"{page.url}model").json()["search"]
    page.goto(f"{page.url}docs")
    operation = page.locator(".opblock-post")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.locator("input[type=file]").set_input_files(CAT)
    with page.expect_response("**/caption") as answered:
        operation.get_by_role("button", name="Execute").click()
    answer = answered.value.json()
    assert answered.value.status == 200
    assert len(answer["caption"].split()) > 3
    assert answer["options"] == answer["options"] | defaults
