"""The page in a real browser, in front of the real model."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, Route, expect

from tests.end_to_end.conftest import Watched
from tests.photos import FOLDER, jpeg

pytestmark = pytest.mark.browser

CAT, COFFEE, MOTORCYCLE = (
    FOLDER / name for name in ("chelsea.png", "coffee.png", "motorcycle_left.png")
)
SECONDS = 1000


def choose(page: Page, *files: Path) -> Locator:
    """Choose files as with the dialog; the newest card."""
    page.set_input_files("#file", files)
    return page.locator(".card").first


def captioned(card: Locator) -> str:
    expect(card).to_have_class(re.compile(r"\bcaptioned\b"), timeout=20 * SECONDS)
    return card.locator(".caption").inner_text()


def failed(card: Locator) -> str:
    expect(card).to_have_class(re.compile(r"\bfailed\b"), timeout=20 * SECONDS)
    return card.locator(".caption").inner_text()


def overlay(card: Locator) -> str:
    """What is laid over the photo, as an address of its pixels."""
    picture: str = card.locator("canvas").evaluate("canvas => canvas.toDataURL()")
    return picture


def test_a_photo_that_is_chosen_gets_its_caption_and_beams(opened: Watched) -> None:
    card = choose(opened.page, CAT)
    caption = captioned(card)
    assert len(caption.split()) >= 3
    assert card.locator("img").get_attribute("alt") == caption[0].lower() + caption[1:-1]
    card.locator(".others summary").click()
    expect(card.locator("tbody tr")).to_have_count(10)
    expect(card.locator(".facts")).to_contain_text("451 × 300 PNG")
    expect(card.locator(".facts")).to_contain_text(re.compile(r"confidence \d+%"))


def test_an_uncertain_caption_says_so_and_a_sure_one_does_not(
    opened: Watched, tmp_path: Path
) -> None:
    grey = tmp_path / "grey.png"
    Image.new("RGB", (300, 200), (90, 90, 90)).save(grey)
    card = choose(opened.page, grey)
    captioned(card)
    expect(card.locator(".state")).to_have_text("Uncertain: take this as a guess.")
    card = choose(opened.page, MOTORCYCLE)
    captioned(card)
    expect(card.locator(".state")).to_have_text("")


def test_several_photos_at_once_are_a_card_each_and_their_progress_shows(opened: Watched) -> None:
    page = opened.page
    choose(page, CAT, COFFEE, MOTORCYCLE)
    expect(page.locator("#progress")).to_contain_text("of 3 photos")
    expect(page.locator(".card.captioned")).to_have_count(3, timeout=30 * SECONDS)
    names = page.locator(".card .name").all_inner_texts()
    assert names == ["chelsea.png", "coffee.png", "motorcycle_left.png"]
    assert "motorcycle" in page.locator(".card").last.locator(".caption").inner_text()
    expect(page.locator("#progress")).to_be_hidden()
    page.locator(".card").first.get_by_role("button", name="Remove").click()
    expect(page.locator(".card")).to_have_count(2)


DATA_TRANSFER = """async () => {
    const canvas = Object.assign(document.createElement("canvas"), {width: 64, height: 48});
    canvas.getContext("2d").fillRect(8, 8, 24, 24);
    const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
    const data = new DataTransfer();
    data.items.add(new File([blob], "drawn.png", {type: "image/png"}));
    return data;
}"""


def test_a_photo_that_is_dropped_gets_its_caption(opened: Watched) -> None:
    data = opened.page.evaluate_handle(DATA_TRANSFER)
    opened.page.dispatch_event("#drop", "drop", {"dataTransfer": data})
    card = opened.page.locator(".card")
    captioned(card)
    expect(card.locator(".facts")).to_contain_text("64 × 48 PNG")


def test_a_photo_that_is_pasted_gets_its_caption(opened: Watched) -> None:
    data = opened.page.evaluate_handle(DATA_TRANSFER)
    opened.page.evaluate(
        "data => dispatchEvent(new ClipboardEvent('paste', {clipboardData: data}))", data
    )
    captioned(opened.page.locator(".card"))


def test_a_phone_is_offered_its_camera(opened: Watched) -> None:
    page = opened.page
    assert page.locator("#camera").get_attribute("capture") == "environment"
    page.set_input_files("#camera", CAT)
    captioned(page.locator(".card"))


def noise(path: Path) -> None:
    path.write_bytes(bytes(10_000_001))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.write_text("not a photo"), "The file is not an image; send one of"),
        (lambda path: path.write_text("%PDF-1.7"), "PDF files are not supported; send one of"),
        (lambda path: path.write_bytes(CAT.read_bytes()[:9000]), "The image ends too soon"),
        (lambda path: path.write_bytes(b""), "The image file is empty; send one with content"),
        (noise, "The image file is larger than 10,000,000 bytes; send a smaller one"),
        (
            lambda path: Image.new("1", (8000, 8000)).save(path, "PNG"),
            "The image has more than 50,000,000 pixels; send a smaller one",
        ),
    ],
    ids=["no image", "PDF", "cut", "empty", "too many bytes", "too many pixels"],
)
def test_what_is_wrong_with_a_file_is_said_in_the_server_s_words(
    opened: Watched, tmp_path: Path, make: Any, said: str
) -> None:
    make(tmp_path / "photo.png")
    card = choose(opened.page, tmp_path / "photo.png")
    assert failed(card).startswith(said)
    expect(card.locator(".why")).to_be_hidden()
    expect(card.get_by_role("button", name="Copy", exact=True)).to_be_hidden()


def answer_with(page: Page, status: int, code: str, times: int, **headers: str) -> None:
    """Have the next requests refused on their way."""
    body = json.dumps({"code": code, "detail": f"this is {code}"})
    page.route(
        "**/caption",
        lambda route: route.fulfill(status=status, body=body, headers=headers),
        times=times,
    )


@pytest.mark.parametrize(("status", "code"), [(500, "internal_error"), (504, "deadline_exceeded")])
def test_after_a_failure_one_can_try_again(opened: Watched, status: int, code: str) -> None:
    answer_with(opened.page, status, code, times=1)
    card = choose(opened.page, CAT)
    assert failed(card) == f"This is {code}."
    card.get_by_role("button", name="Try again").click()
    captioned(card)
    expect(card.get_by_role("button", name="Try again")).to_be_hidden()


def test_without_an_answer_it_says_what_may_be_the_matter(opened: Watched) -> None:
    opened.page.route("**/caption", lambda route: route.abort(), times=1)
    card = choose(opened.page, CAT)
    assert failed(card) == "The server did not answer; see whether it is still running."


@pytest.mark.parametrize("code", ["overloaded", "not_ready"])
def test_told_to_come_back_later_it_does(opened: Watched, code: str) -> None:
    answer_with(opened.page, 503, code, times=1, **{"Retry-After": "1"})
    card = choose(opened.page, CAT)
    expect(card.locator(".state")).to_have_text("The server is busy; trying again in 1 s…")
    captioned(card)


def test_where_a_key_is_needed_it_asks_for_it(opened: Watched) -> None:
    page = opened.page

    def guard(route: Route) -> None:
        if route.request.headers.get("x-api-key") == "sesame":
            route.continue_()
        else:
            body = json.dumps({"code": "unauthorized", "detail": "send an API key"})
            route.fulfill(status=401, body=body)

    page.route("**/caption", guard)
    card = choose(page, CAT)
    assert failed(card) == "Send an API key."
    expect(page.locator("#key")).to_be_focused()
    page.keyboard.type("sesame")
    page.keyboard.press("Enter")
    captioned(card)
    expect(page.locator("#access")).to_be_hidden()
    expect(page.locator("#curl")).to_contain_text('-H "X-API-Key: $CAPTION_API_KEY"')


def test_the_overlay_changes_with_the_word(opened: Watched) -> None:
    card = choose(opened.page, MOTORCYCLE)
    captioned(card)
    nothing = overlay(card)
    chips = card.locator(".chip")
    seen = set()
    for i in range(chips.count()):
        chips.nth(i).hover()
        seen.add(overlay(card))
        expect(card.locator(".word-facts")).to_contain_text(
            re.compile(r"“.+”: \d+% looked, \d+% from language")
        )
    assert nothing not in seen
    assert len(seen) == chips.count()
    card.locator(".caption").hover()
    assert overlay(card) == nothing


def test_the_overlay_is_the_attention_that_the_api_tells(opened: Watched) -> None:
    page = opened.page
    with page.expect_response("**/caption") as answered:
        card = choose(page, MOTORCYCLE)
    captioned(card)
    words = answered.value.json()["beams"][0]["words"]
    card.locator(".chip").nth(1).hover()
    clear: list[int] = card.locator("canvas").evaluate(
        """canvas => [...Array(49).keys()].map((i) => {
            const side = canvas.width / 7;
            const [x, y] = [(i % 7 + 0.5) * side, (Math.floor(i / 7) + 0.5) * side];
            return 255 - canvas.getContext("2d").getImageData(x, y, 1, 1).data[3];
        })"""
    )
    told = [share for row in words[1]["attention"] for share in row]
    assert clear.index(max(clear)) == told.index(max(told))
    assert 0 <= words[1]["sentinel"] <= 1


def test_it_plays_through_the_words(opened: Watched) -> None:
    card = choose(opened.page, CAT)
    captioned(card)
    card.get_by_role("button", name="Play").click()
    expect(card.locator(".chip.looked")).to_have_text(re.compile("^a"))
    first = overlay(card)
    expect(card.locator(".chip").nth(1)).to_have_class(re.compile("looked"))
    assert overlay(card) != first
    card.get_by_role("button", name="Stop").click()
    expect(card.locator(".chip.looked")).to_have_count(0)


def test_another_beam_shows_its_own_words(opened: Watched) -> None:
    card = choose(opened.page, CAT)
    captioned(card)
    card.locator(".others summary").click()
    other = card.locator("tbody button").nth(3)
    other.click()
    words = [text.split("\n")[0] for text in card.locator(".chip").all_inner_texts()]
    assert " ".join(words) == other.inner_text()


def test_captions_can_be_copied_as_text_and_as_alt_text(opened: Watched) -> None:
    page = opened.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    card = choose(page, CAT)
    caption = captioned(card)
    plain = caption[0].lower() + caption[1:-1]
    card.get_by_role("button", name="Copy", exact=True).click()
    expect(card.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == plain
    card.get_by_role("button", name="Copy as alt text").click()
    expect(card.get_by_role("button", name="Copied")).to_have_count(2)
    assert page.evaluate("navigator.clipboard.readText()") == f'alt="{plain}"'


def slide(page: Page, name: str, value: str) -> None:
    slider = page.locator(f"input[name={name}]")
    expect(slider).to_be_enabled()
    slider.fill(value)
    slider.dispatch_event("change")


def test_other_options_caption_anew(opened: Watched) -> None:
    page = opened.page
    card = choose(page, CAT)
    captioned(card)
    page.locator("#options summary").click()
    card.locator(".others summary").click()
    slide(page, "beam_size", "3")
    expect(card.locator("tbody tr")).to_have_count(3, timeout=20 * SECONDS)
    slide(page, "max_length", "4")
    expect(card.locator(".chip")).to_have_count(4, timeout=20 * SECONDS)
    page.get_by_role("button", name="As the model was tuned").click()
    expect(card.locator("tbody tr")).to_have_count(10, timeout=20 * SECONDS)


def test_the_commands_beside_the_options_do_the_same(opened: Watched, tmp_path: Path) -> None:
    page = opened.page
    (tmp_path / "photo.jpg").write_bytes(CAT.read_bytes())
    page.locator("#options summary").click()
    slide(page, "length_penalty", "0")
    slide(page, "beam_size", "2")
    card = choose(page, CAT)
    caption = captioned(card)
    plain = caption[0].lower() + caption[1:-1]

    def output(*command: str) -> str:
        return subprocess.run(
            command, cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    curl = page.locator("#curl").inner_text()
    assert "-F beam_size=2" in curl
    answer = json.loads(output("sh", "-c", curl.replace("curl", "curl --silent", 1)))
    assert answer["caption"] == plain
    assert answer["options"] == {"beam_size": 2, "max_length": 20, "length_penalty": 0}
    assert output(sys.executable, "-c", page.locator("#python").inner_text()) == plain


def test_nothing_moves_when_a_caption_arrives(opened: Watched) -> None:
    page = opened.page
    page.evaluate(
        """() => {
            window.shifts = [];
            new PerformanceObserver((list) => window.shifts.push(...list.getEntries()
                .map((entry) => [entry.value, entry.sources.map(({node}) => node?.className)])))
                .observe({type: "layout-shift", buffered: true});
        }"""
    )
    release: list[Route] = []
    page.route("**/caption", lambda route: release.append(route))
    choose(page, CAT, COFFEE)
    expect(page.locator(".card.reading")).to_have_count(2)
    page.wait_for_timeout(1000)  # what follows an input within half a second is not counted
    page.evaluate("window.shifts.length = 0")
    for route in release:
        route.continue_()
    expect(page.locator(".card.captioned")).to_have_count(2, timeout=20 * SECONDS)
    page.wait_for_timeout(300)
    assert page.evaluate("window.shifts") == []


def test_what_the_model_is_and_gets_wrong_is_told_from_its_card(opened: Watched) -> None:
    opened.page.locator("#about summary").click()
    about = opened.page.locator("#about-text")
    expect(about).to_contain_text("What it gets wrong")
    expect(about).to_contain_text("the service keeps nothing of what it is sent")


def test_a_card_that_cannot_be_had_is_asked_for_again(opened: Watched) -> None:
    page = opened.page
    page.route("**/model/card", lambda route: route.abort(), times=1)
    page.locator("#about summary").click()
    expect(page.locator("#about-text")).to_have_text("There is no model card to be had now.")
    page.locator("#about summary").click()
    page.locator("#about summary").click()
    expect(page.locator("#about-text")).to_contain_text("What it gets wrong")


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_api_s_documentation_asks_no_other_host(opened: Watched, path: str) -> None:
    opened.page.goto(f"{opened.page.url.rstrip('/')}{path}")
    expect(opened.page.get_by_text("Caption a photo").first).to_be_visible(timeout=15 * SECONDS)


def test_a_photo_larger_than_the_window_is_captioned(opened: Watched, tmp_path: Path) -> None:
    with Image.open(COFFEE) as image:
        (tmp_path / "large.jpg").write_bytes(jpeg(image.resize((4032, 3024))))
    card = choose(opened.page, tmp_path / "large.jpg")
    captioned(card)
    expect(card.locator(".facts")).to_contain_text("4032 × 3024 JPEG")
