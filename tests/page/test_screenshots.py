"""The page as it looks in every state: wide and on a phone, light and dark.

`make screenshots` puts the pictures into docs/screenshots/, with the real model; else they are made
with the fake one and thrown away.
"""

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image, ImageStat
from playwright.sync_api import Browser, Page, expect

from benchmarks.server import start_server
from service.http.routes import STATIC
from tests.page.conftest import Address, captioned, choose, failed, until

pytestmark = pytest.mark.browser

SAMPLES = STATIC / "samples"  # photos in the public domain
MOST_BYTES = 41_000  # 24 pictures stay below a megabyte
MOST_WIDTH = 960  # pixels; a README shows fewer
QUALITIES = (85, 80, 75, 70, 65, 60, 55, 50, 45, 40)


@pytest.fixture(scope="module")
def shown_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Address]:
    if "SCREENSHOTS" not in os.environ:
        yield request.getfixturevalue("page_server")
        return
    server = start_server(tmp_path_factory.mktemp("shown") / "log")
    server.wait_until_ready()
    yield Address(server.url)
    server.process.terminate()
    server.process.wait()


def first_sight(page: Page, folder: Path) -> None:
    expect(page.locator(".lead")).to_be_visible()


def one(page: Page, folder: Path) -> None:
    captioned(choose(page, SAMPLES / "cat.jpg"))
    page.locator(".chip").nth(1).focus()


def uncertain(page: Page, folder: Path) -> None:
    page.locator("#samples button").last.click()
    captioned(page.locator(".card"))


def several(page: Page, folder: Path) -> None:
    (folder / "notes.txt").write_text("no photo")
    photos = [SAMPLES / f"{name}.jpg" for name in ("cat", "rocket", "photographer", "coffee")]
    choose(page, *photos, folder / "notes.txt")
    expect(page.locator(".captioned")).to_have_count(4)
    failed(page.locator(".card").last)


def settings(page: Page, folder: Path) -> None:
    page.get_by_role("button", name="Settings").click()
    expect(page.locator("input[name=beam_size]")).to_be_enabled()


def error(page: Page, folder: Path) -> None:
    (folder / "report.pdf").write_text("%PDF-1.7")
    failed(choose(page, folder / "report.pdf"))


STATES: tuple[Callable[[Page, Path], None], ...] = (
    first_sight,
    one,
    uncertain,
    several,
    settings,
    error,
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", ["wide", "phone"])
@pytest.mark.parametrize("show", STATES, ids=[each.__name__ for each in STATES])
def test_the_page_looks_as_its_screenshots_show(
    show: Callable[[Page, Path], None],
    screen: str,
    scheme: Literal["light", "dark"],
    browser: Browser,
    shown_server: Address,
    tmp_path: Path,
) -> None:
    phone = screen == "phone"
    context = browser.new_context(
        color_scheme=scheme,
        viewport={"width": 390, "height": 844} if phone else {"width": 1280, "height": 880},
        is_mobile=phone,
        has_touch=phone,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(shown_server.url)
    show(page, tmp_path)
    until(page, "[...document.images].every(({src, complete}) => !src || complete)")
    with Image.open(io.BytesIO(page.screenshot())) as image:
        picture = image.convert("RGB")
    context.close()
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    data = small_jpeg(picture)
    (folder / f"{show.__name__.replace('_', '-')}-{screen}-{scheme}.jpg").write_bytes(data)
    assert len(data) <= MOST_BYTES
    lightness = ImageStat.Stat(picture.convert("L").crop((0, 0, 390, 60))).mean[0]
    assert (lightness > 200) == (scheme == "light")


def small_jpeg(picture: Image.Image) -> bytes:
    """As good as fits."""
    picture.thumbnail((MOST_WIDTH, picture.height), Image.Resampling.LANCZOS)
    for quality in QUALITIES:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
        if buffer.tell() <= MOST_BYTES:
            break
    return buffer.getvalue()
