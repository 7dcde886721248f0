"""The page as it looks: wide and on a phone, light and dark.

`make screenshots` puts the pictures into docs/screenshots/; else they are made and thrown away.
"""

import os
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image, ImageStat
from playwright.sync_api import Browser, expect

from benchmarks.server import Server
from tests.end_to_end.test_page import choose
from tests.photos import FOLDER

pytestmark = pytest.mark.browser

SHOWN = FOLDER / "motorcycle_left.png", FOLDER / "chelsea.png"  # both CC0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", ["wide", "phone"])
def test_the_page_looks_as_its_screenshots_show(
    screen: str,
    scheme: Literal["light", "dark"],
    browser: Browser,
    server: Server,
    tmp_path: Path,
) -> None:
    phone = screen == "phone"
    context = browser.new_context(
        color_scheme=scheme,
        viewport={"width": 390, "height": 1100} if phone else {"width": 1280, "height": 1000},
        is_mobile=phone,
        has_touch=phone,
    )
    page = context.new_page()
    page.goto(server.url)
    expect(page.locator("#camera-button")).to_be_visible(visible=phone)
    choose(page, *SHOWN)
    expect(page.locator(".captioned")).to_have_count(len(SHOWN), timeout=20_000)
    page.locator(".chip").nth(5).focus()
    path = Path(os.environ.get("SCREENSHOTS", tmp_path)) / f"{screen}-{scheme}.jpg"
    page.screenshot(path=path, type="jpeg", quality=80)
    context.close()
    with Image.open(path) as image:
        lightness = ImageStat.Stat(image.convert("L").crop((0, 0, 390, 60))).mean[0]
    assert (lightness > 200) == (scheme == "light")
