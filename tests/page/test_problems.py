"""What the page says and does when something goes wrong that is not the file's fault."""

import json

import pytest
from playwright.sync_api import Route, expect

from tests.page.conftest import (
    CAT,
    COFFEE,
    MOTORCYCLE,
    Watched,
    answer_with,
    captioned,
    choose,
    failed,
    slide,
    until,
)

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (500, "internal_error", "Something went wrong on the server. Try again, or report it"),
        (504, "deadline_exceeded", "The server did not finish this photo in time."),
        (408, "body_too_slow", "The upload took too long."),
    ],
)
def test_after_a_failure_that_may_pass_one_can_try_again(
    opened: Watched, status: int, code: str, said: str
) -> None:
    answer_with(opened.page, status, code, times=1)
    card = choose(opened.page, CAT)
    assert failed(card).startswith(said)
    card.get_by_role("button", name="Try again").click()
    captioned(card)
    expect(card.get_by_role("button", name="Try again")).to_be_hidden()


def test_an_error_on_the_server_is_named_by_its_request_id(opened: Watched) -> None:
    answer_with(opened.page, 500, "internal_error", times=1, request_id="abc123")
    assert "request id abc123" in failed(choose(opened.page, CAT))


def test_without_an_answer_it_says_what_may_be_the_matter(opened: Watched) -> None:
    opened.page.route("**/caption", lambda route: route.abort(), times=1)
    card = choose(opened.page, CAT)
    assert failed(card) == "The server did not answer. Check that it is running, then try again."


def test_a_device_without_a_network_is_told_so(opened: Watched) -> None:
    opened.page.context.set_offline(True)
    assert failed(choose(opened.page, CAT)).startswith("This device is offline.")


def test_an_answer_of_something_in_between_is_told_from_the_server_s(opened: Watched) -> None:
    opened.page.route("**/caption", lambda route: route.fulfill(status=502, body="<html>"), times=1)
    assert failed(choose(opened.page, CAT)).startswith("Something between this page and the server")


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (502, {"message": "Bad Gateway"}),
        (502, {"code": 502}),
        (200, {"message": "Hello"}),
        (502, 3),
    ],
)
def test_json_of_something_in_between_is_no_answer_and_stops_no_other_photo(
    opened: Watched, status: int, answer: object
) -> None:
    page = opened.page
    body = json.dumps(answer)
    page.route("**/caption", lambda route: route.fulfill(status=status, body=body), times=2)
    choose(page, CAT, COFFEE, MOTORCYCLE)
    expect(page.locator(".card.failed")).to_have_count(2)
    expect(page.locator(".card.captioned")).to_have_count(1)
    assert failed(page.locator(".card.failed").first).startswith("Something between this page")


def test_json_of_something_in_between_is_no_model(opened: Watched) -> None:
    page = opened.page
    body = json.dumps({"code": 502, "message": "Bad Gateway"})
    page.route("**/model", lambda route: route.fulfill(status=502, body=body), times=1)
    page.reload()
    expect(page.locator("#notice")).to_contain_text("Something between this page")
    expect(page.locator("#notice")).to_be_hidden()
    expect(page.locator("#beam-size")).to_be_enabled()


def test_a_server_that_never_answers_is_waited_for_no_longer_than_a_minute(opened: Watched) -> None:
    page = opened.page
    page.evaluate(
        "AbortSignal.timeout = () => AbortSignal.abort(new DOMException('', 'TimeoutError'))"
    )
    assert failed(choose(page, CAT)).startswith("There was no answer within a minute.")


@pytest.mark.parametrize(
    ("code", "state", "said"),
    [
        ("overloaded", "", "The server is busy"),
        ("not_ready", "starting", "The server is still loading its model."),
        ("not_ready", "draining", "The server is shutting down or restarting."),
    ],
)
def test_what_ends_by_itself_is_waited_for(
    opened: Watched, code: str, state: str, said: str
) -> None:
    answer_with(opened.page, 503, code, times=1, headers={"Retry-After": "1"}, state=state)
    card = choose(opened.page, CAT)
    expect(card.locator(".state")).to_contain_text(said)
    expect(card.locator(".state")).to_contain_text("Trying again in 1 s…")
    captioned(card)


def test_what_only_a_restart_fixes_is_not_waited_for(opened: Watched) -> None:
    answer_with(opened.page, 503, "not_ready", 1, headers={"Retry-After": "5"}, state="failed")
    said = failed(choose(opened.page, CAT))
    assert said.startswith("The server's model failed or stopped answering.")


def test_where_a_key_is_needed_it_asks_for_it_and_tells_a_wrong_one(opened: Watched) -> None:
    page = opened.page

    def guard(route: Route) -> None:
        if route.request.headers.get("x-api-key") == "sesame":
            route.continue_()
        else:
            route.fulfill(status=401, body=json.dumps({"code": "unauthorized", "detail": "no"}))

    page.route("**/caption", guard)
    card = choose(page, CAT)
    assert failed(card) == "This server asks for an API key."
    expect(page.locator("#key")).to_be_focused()
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(card.locator(".caption")).to_have_text("The server does not accept this API key.")
    expect(page.locator("#key")).to_be_focused()
    page.keyboard.type("sesame")
    page.keyboard.press("Enter")
    captioned(card)
    expect(page.locator("#access")).to_be_hidden()
    page.get_by_role("button", name="Use the API").click()
    expect(page.locator("#curl")).to_contain_text('-H "X-API-Key: $CAPTION_API_KEY"')


def test_a_key_that_is_being_typed_stays_while_other_photos_are_refused(opened: Watched) -> None:
    page = opened.page
    body = json.dumps({"code": "unauthorized", "detail": "no"})
    waiting: list[Route] = []

    def guard(route: Route) -> None:
        if waiting:
            route.fulfill(status=401, body=body)
        else:
            waiting.append(route)

    page.route("**/caption", guard)
    choose(page, CAT, COFFEE)
    expect(page.locator("#key")).to_be_focused()
    page.keyboard.type("ses")
    waiting[0].fulfill(status=401, body=body)
    expect(page.locator(".card.failed")).to_have_count(2)
    page.keyboard.type("ame")
    expect(page.locator("#key")).to_have_value("sesame")


def test_a_caption_stays_if_it_cannot_be_made_anew(opened: Watched) -> None:
    page = opened.page
    card = choose(page, CAT)
    captioned(card)
    card.locator(".beam").nth(2).click()
    before = captioned(card)
    answer_with(page, 500, "internal_error", times=1, request_id="abc123")
    page.get_by_role("button", name="Settings").click()
    slide(page, "beam_size", "5")
    expect(page.locator("#notice")).to_contain_text("The caption from before is kept.")
    assert captioned(card) == before
    expect(card.locator(".beam").nth(2)).to_have_attribute("aria-pressed", "true")
    expect(card.get_by_role("button", name="Try again")).to_be_hidden()
    until(page, "JSON.parse(sessionStorage.captions ?? '[]')[0]?.used === 2")
    slide(page, "beam_size", "4")
    expect(card.locator(".beam")).to_have_count(4)
    expect(page.locator("#notice")).to_be_hidden()


def test_captions_that_stay_are_not_counted_as_failed(opened: Watched) -> None:
    page = opened.page
    choose(page, CAT, COFFEE)
    expect(page.locator("#batch-facts")).to_have_text("2 photos, 2 captioned")
    answer_with(page, 500, "internal_error", times=2, request_id="abc123")
    page.get_by_role("button", name="Settings").click()
    slide(page, "beam_size", "5")
    expect(page.get_by_role("button", name="Retry failed")).to_be_visible()
    expect(page.locator("#batch-facts")).to_have_text("2 photos, 2 captioned")
    page.get_by_role("button", name="Retry failed").click()
    expect(page.get_by_role("button", name="Retry failed")).to_be_hidden()
    expect(page.locator("#notice")).to_be_hidden()


def test_a_key_of_letters_that_no_header_carries_is_a_wrong_one(opened: Watched) -> None:
    page = opened.page
    body = json.dumps({"code": "unauthorized", "detail": "no"})
    page.route("**/caption", lambda route: route.fulfill(status=401, body=body))
    card = choose(page, CAT)
    expect(page.locator("#key")).to_be_focused()
    page.locator("#key").fill("ключ")
    page.keyboard.press("Enter")
    expect(card.locator(".caption")).to_have_text("The server does not accept this API key.")


def test_photos_that_are_removed_while_the_server_is_busy_keep_no_other_waiting(
    opened: Watched,
) -> None:
    page = opened.page
    answer_with(page, 503, "overloaded", times=2, headers={"Retry-After": "3600"})
    choose(page, CAT, COFFEE)
    expect(page.locator(".state").get_by_text("Trying again")).to_have_count(2)
    page.get_by_role("button", name="Clear").click()
    captioned(choose(page, MOTORCYCLE))


def test_a_sample_that_cannot_be_had_is_told(opened: Watched) -> None:
    page = opened.page
    page.wait_for_load_state("networkidle")
    page.route("**/samples/cat.jpg", lambda route: route.fulfill(status=500, body=""))
    page.get_by_role("button", name="A cat").click()
    expect(page.locator("#notice")).to_contain_text("The server did not answer.")
    expect(page.locator(".card")).to_have_count(0)


def test_the_focus_stays_with_a_photo_that_is_tried_again(opened: Watched) -> None:
    page = opened.page
    answer_with(page, 500, "internal_error", times=1)
    card = choose(page, CAT)
    failed(card)
    card.get_by_role("button", name="Try again").press("Enter")
    expect(card).to_be_focused()
    captioned(card)


def test_a_link_that_is_dropped_says_what_to_do(opened: Watched) -> None:
    data = opened.page.evaluate_handle(
        """() => {
            const data = new DataTransfer();
            data.setData("text/uri-list", "http://photos.invalid/cat");
            return data;
        }"""
    )
    opened.page.dispatch_event("main", "drop", {"dataTransfer": data})
    expect(opened.page.locator("#notice")).to_contain_text("Save the image first")
    expect(opened.page.locator(".card")).to_have_count(0)
    opened.page.get_by_role("button", name="Dismiss").click()
    expect(opened.page.locator("#notice")).to_be_hidden()


def test_a_folder_that_is_dropped_says_what_to_do(opened: Watched) -> None:
    opened.page.evaluate(
        """() => {
            const item = { kind: "file", webkitGetAsEntry: () => ({ isDirectory: true }) };
            const event = new Event("drop");
            event.dataTransfer = { items: [item] };
            dispatchEvent(event);
        }"""
    )
    expect(opened.page.locator("#notice")).to_contain_text("Open the folder, select its photos")
    expect(opened.page.locator(".card")).to_have_count(0)
