"""One photo: added in any way, captioned, looked into and copied."""

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, expect

from tests.page.conftest import (
    CAT,
    COFFEE,
    MOTORCYCLE,
    Gate,
    Watched,
    captioned,
    choose,
    copied,
    failed,
    note_fields,
    noted_fields,
    plain,
    stop_clock,
)
from tests.photos import jpeg

pytestmark = pytest.mark.browser

DATA_TRANSFER = """async () => {
    const canvas = Object.assign(document.createElement("canvas"), {width: 64, height: 48});
    canvas.getContext("2d").fillRect(8, 8, 24, 24);
    const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
    const data = new DataTransfer();
    data.items.add(new File([blob], "drawn.png", {type: "image/png"}));
    return data;
}"""


def overlay(card: Locator) -> str:
    """What is laid over the photo, as an address of its pixels."""
    picture: str = card.locator("canvas").evaluate("canvas => canvas.toDataURL()")
    return picture


@pytest.fixture
def grey(tmp_path: Path) -> Path:
    Image.new("RGB", (300, 200), (90, 90, 90)).save(tmp_path / "grey.png")
    return tmp_path / "grey.png"


def test_a_photo_that_is_chosen_gets_its_caption_and_beams(opened: Watched) -> None:
    card = choose(opened.page, CAT)
    caption = captioned(card)
    assert re.fullmatch(r"A picture .+ first rank\.", caption)
    assert card.locator("img").get_attribute("alt") == plain(caption)
    expect(card.locator(".state")).to_have_text(re.compile(r"^\d+% confident$"))
    expect(card.locator(".beam")).to_have_count(10)
    expect(card.locator(".facts")).to_contain_text("451 × 300 PNG")


def test_a_photo_that_is_dropped_gets_its_caption(opened: Watched) -> None:
    data = opened.page.evaluate_handle(DATA_TRANSFER)
    opened.page.dispatch_event("main", "drop", {"dataTransfer": data})
    card = opened.page.locator(".card")
    captioned(card)
    expect(card.locator(".facts")).to_contain_text("64 × 48 PNG")


def test_a_photo_that_is_pasted_gets_its_caption(opened: Watched) -> None:
    data = opened.page.evaluate_handle(DATA_TRANSFER)
    opened.page.evaluate(
        "data => dispatchEvent(new ClipboardEvent('paste', {clipboardData: data}))", data
    )
    captioned(opened.page.locator(".card"))


def test_an_uncertain_caption_looks_uncertain(opened: Watched, grey: Path) -> None:
    card = choose(opened.page, grey)
    assert captioned(card).startswith("Perhaps: a picture")
    expect(card.locator(".state")).to_have_text(re.compile(r"^\d+% confident: only a guess$"))
    muted = card.locator(".caption").evaluate("element => getComputedStyle(element).color")
    card = choose(opened.page, MOTORCYCLE)
    captioned(card)
    sure = card.locator(".caption").evaluate("element => getComputedStyle(element).color")
    assert sure != muted


@pytest.mark.parametrize(
    ("size", "sent"), [((4032, 3024), "1024 × 768"), ((100, 9000), "11 × 1024")]
)
def test_a_large_photo_is_shrunk_before_it_is_sent(
    opened: Watched, tmp_path: Path, size: tuple[int, int], sent: str
) -> None:
    with Image.open(COFFEE) as image:
        (tmp_path / "large.jpg").write_bytes(jpeg(image.resize(size)))
    note_fields(opened.page)
    card = choose(opened.page, tmp_path / "large.jpg")
    captioned(card)
    expect(card.locator(".facts")).to_contain_text(f"{size[0]} × {size[1]}, sent as {sent} JPEG")
    assert 0 < noted_fields(opened.page)["image"] < 500_000


def test_a_photo_beyond_the_server_s_limits_is_captioned_all_the_same(
    opened: Watched, tmp_path: Path
) -> None:
    Image.new("1", (8000, 8000)).save(tmp_path / "huge.png")
    captioned(choose(opened.page, tmp_path / "huge.png"))


def test_a_photo_s_turn_is_kept_when_it_is_shrunk(opened: Watched, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    Image.new("RGB", (2000, 1000)).save(tmp_path / "turned.jpg", exif=exif)
    card = choose(opened.page, tmp_path / "turned.jpg")
    captioned(card)
    expect(card.locator(".facts")).to_contain_text("1000 × 2000, sent as 512 × 1024 JPEG")


def test_what_the_browser_cannot_decode_is_sent_as_it_is(opened: Watched, tmp_path: Path) -> None:
    with Image.open(CAT) as image:
        image.save(tmp_path / "photo.tiff")
    card = choose(opened.page, tmp_path / "photo.tiff")
    captioned(card)
    expect(card.locator(".facts")).to_contain_text("451 × 300 TIFF")
    expect(card.locator(".photo")).to_have_class(re.compile("unseen"))


def test_another_caption_can_be_used_instead(opened: Watched) -> None:
    page = opened.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    card = choose(page, CAT)
    captioned(card)
    other = card.locator(".beam").nth(3)
    text = other.locator(".text").inner_text()
    other.focus()
    page.keyboard.press("Enter")
    expect(other).to_have_attribute("aria-pressed", "true")
    expect(other).to_be_focused()
    expect(card.locator(".beam[aria-pressed=true]")).to_have_count(1)
    assert plain(card.locator(".caption").inner_text()) == text
    assert card.locator("img").get_attribute("alt") == text
    words = [each.split("\n")[0] for each in card.locator(".chip").all_inner_texts()]
    assert " ".join(words) == text
    stop_clock(page)
    card.get_by_role("button", name="Copy", exact=True).click()
    expect(card.get_by_role("button", name="Copied")).to_be_visible()
    assert plain(copied(page)) == text


def test_a_guess_that_somebody_chose_is_no_guess(opened: Watched, grey: Path) -> None:
    card = choose(opened.page, grey)
    captioned(card)
    card.locator(".beam").nth(1).click()
    expect(card.locator(".caption")).to_have_text(re.compile("^A picture"))


def test_numbers_are_percentages(opened: Watched) -> None:
    card = choose(opened.page, CAT)
    captioned(card)
    shares = card.locator(".beam .share").all_inner_texts()
    assert all(re.fullmatch(r"\d+%", share) for share in shares)
    assert not re.search(r"-\d", card.inner_text())


def test_captions_can_be_copied_as_a_sentence_and_as_alt_text(opened: Watched) -> None:
    page = opened.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    card = choose(page, CAT)
    caption = captioned(card)
    stop_clock(page)
    card.get_by_role("button", name="Copy", exact=True).click()
    expect(card.get_by_role("button", name="Copied")).to_be_visible()
    assert copied(page) == caption
    card.get_by_role("button", name="Copy as alt text").click()
    expect(card.get_by_role("button", name="Copied")).to_have_count(2)
    assert copied(page) == caption.removesuffix(".")


def test_what_a_word_came_from_adds_up(opened: Watched) -> None:
    opened.page.evaluate(
        """() => {
            const json = Response.prototype.json;
            Response.prototype.json = async function () {
                const found = await json.call(this);
                for (const word of found.beams?.[0].words ?? []) word.sentinel = 0.245;
                return found;
            };
        }"""
    )
    card = choose(opened.page, CAT)
    captioned(card)
    card.locator(".chip").first.hover()
    expect(card.locator(".word-facts")).to_contain_text(re.compile("7[56]% from the photo"))
    photo, words = map(int, re.findall(r"(\d+)%", card.locator(".word-facts").inner_text()))
    assert photo + words == 100


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
            re.compile(r"“.+”: \d+% from the photo, \d+% from the words before it")
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


def test_it_plays_through_the_words(opened: Watched) -> None:
    card = choose(opened.page, CAT)
    captioned(card)
    stop_clock(opened.page)
    card.get_by_role("button", name="Play").click()
    expect(card.locator(".chip.looked")).to_have_text(re.compile("^a"))
    first = overlay(card)
    opened.page.clock.run_for(900)
    expect(card.locator(".chip").nth(1)).to_have_class(re.compile("looked"))
    assert overlay(card) != first
    card.get_by_role("button", name="Stop").click()
    expect(card.locator(".chip.looked")).to_have_count(0)


def test_a_photo_can_be_removed(opened: Watched) -> None:
    card = choose(opened.page, CAT)
    captioned(card)
    card.get_by_role("button", name="Remove chelsea.png").click()
    expect(opened.page.locator(".card")).to_have_count(0)
    expect(opened.page.locator("#file")).to_be_focused()
    expect(opened.page.locator(".lead")).to_be_visible()


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
    for files in ([CAT], [COFFEE, MOTORCYCLE]):
        gate = Gate(page)
        choose(page, *files)
        expect(page.locator(".card.reading")).to_have_count(len(files))
        page.wait_for_timeout(1000)  # what follows an input within half a second is not counted
        page.evaluate("window.shifts.length = 0")
        gate.open()
        expect(page.locator(".card:not(.captioned)")).to_have_count(0)
        page.wait_for_timeout(300)
        assert page.evaluate("window.shifts") == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"not a photo", "The file is not an image; send one of"),
        (b"%PDF-1.7", "PDF files are not supported; send one of"),
        (CAT.read_bytes()[:9000], "The image ends too soon"),
        (b"", "The image file is empty; send one with content"),
        (bytes(10_000_001), "The image file is larger than 10,000,000 bytes; send a smaller one"),
    ],
    ids=["no image", "PDF", "cut", "empty", "too many bytes"],
)
def test_what_is_wrong_with_a_file_is_said_in_the_server_s_words(
    opened: Watched, tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "photo.png").write_bytes(content)
    card = choose(opened.page, tmp_path / "photo.png")
    assert failed(card).startswith(said)
    for name in ("Copy", "Try again"):
        expect(card.get_by_role("button", name=name, exact=True)).to_be_hidden()
