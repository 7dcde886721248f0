"""The page in a real browser, in front of the real model."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Request, expect

from benchmarks.server import Server
from tests.photos import FOLDER

pytestmark = pytest.mark.browser


@dataclass
class Watched:
    """An open page, with what went wrong on it and whom it asked."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def forget_blocked(self, request: Request) -> None:
        """What the content security policy blocks never leaves the browser."""
        if request.failure == "csp":
            self.requests.remove(request.url)


@pytest.fixture
def opened(browser: Browser, server: Server) -> Iterator[Watched]:
    page = browser.new_page()
    watched = Watched(page)
    page.on("pageerror", lambda error: watched.errors.append(str(error)))
    page.on("request", lambda request: watched.requests.append(request.url))
    page.on("requestfailed", watched.forget_blocked)
    page.goto(server.url)
    yield watched
    page.close()
    assert not watched.errors
    asked = [url for url in watched.requests if not url.startswith((server.url, "blob:", "data:"))]
    assert not asked


def test_a_photo_that_is_chosen_gets_its_caption_and_beams(opened: Watched) -> None:
    page = opened.page
    page.set_input_files("#file", FOLDER / "chelsea.png")
    expect(page.locator("#details")).to_be_visible(timeout=15_000)
    caption = page.locator("#caption").inner_text()
    assert len(caption.split()) >= 3
    assert page.locator("#photo").get_attribute("alt") == caption[0].lower() + caption[1:-1]
    assert page.locator("#beams tr").count() >= 1
    expect(page.locator("#facts")).to_contain_text("451 × 300 PNG")
    expect(page.locator("#facts")).to_contain_text(re.compile(r"confidence \d+%"))


def test_an_uncertain_caption_says_so_and_a_sure_one_does_not(
    opened: Watched, tmp_path: Path
) -> None:
    page, grey = opened.page, tmp_path / "grey.png"
    Image.new("RGB", (300, 200), (90, 90, 90)).save(grey)
    page.set_input_files("#file", grey)
    expect(page.locator("#facts")).to_contain_text("300 × 200", timeout=15_000)
    expect(page.locator("#doubt")).to_have_text("Uncertain: take this as a guess.")
    page.set_input_files("#file", FOLDER / "motorcycle_left.png")
    expect(page.locator("#facts")).to_contain_text("741 × 500", timeout=15_000)
    expect(page.locator("#doubt")).to_have_text("")


def test_a_photo_that_is_dropped_gets_its_caption(opened: Watched) -> None:
    page = opened.page
    data = page.evaluate_handle(
        """async () => {
            const canvas = Object.assign(document.createElement("canvas"), {width: 64, height: 48});
            canvas.getContext("2d").fillRect(8, 8, 24, 24);
            const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
            const data = new DataTransfer();
            data.items.add(new File([blob], "drawn.png", {type: "image/png"}));
            return data;
        }"""
    )
    page.dispatch_event("#drop", "drop", {"dataTransfer": data})
    expect(page.locator("#facts")).to_contain_text("64 × 48 PNG", timeout=15_000)


def test_a_file_that_is_no_photo_is_explained(opened: Watched, tmp_path: Path) -> None:
    file = tmp_path / "note.png"
    file.write_text("not a photo")
    opened.page.set_input_files("#file", file)
    expect(opened.page.locator("#caption")).to_contain_text("not an image", timeout=15_000)
    expect(opened.page.locator("#details")).to_be_hidden()


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_api_s_documentation_asks_no_other_host(opened: Watched, path: str) -> None:
    opened.page.goto(f"{opened.page.url.rstrip('/')}{path}")
    expect(opened.page.get_by_text("Caption a photo").first).to_be_visible(timeout=15_000)
