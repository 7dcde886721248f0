"""The page in a real browser, in front of a captioner that needs no model."""

import json
import re
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Request, Route, expect, sync_playwright

from benchmarks.server import free_port
from service.http.server import Server
from service.settings import Settings
from tests.page.server import page_app
from tests.photos import FOLDER

CAT, COFFEE, MOTORCYCLE = (
    FOLDER / name for name in ("chelsea.png", "coffee.png", "motorcycle_left.png")
)
SECONDS = 1000
PATIENCE_SECONDS = 60  # a busy machine takes its time

expect.set_options(timeout=PATIENCE_SECONDS * SECONDS)


@dataclass
class Watched:
    """An open page, with what went wrong on it and which hosts it asked."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def forget_blocked(self, request: Request) -> None:
        """What the content security policy blocks never leaves the browser."""
        if request.failure == "csp":
            self.requests.remove(request.url)


@dataclass(frozen=True)
class Address:
    url: str


@pytest.fixture(scope="package")
def page_server() -> Iterator[Address]:
    """A server in a thread of this process: it starts at once, also on a busy machine."""
    settings = Settings(port=free_port())
    server = Server(page_app(settings), settings)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    yield Address(f"http://127.0.0.1:{settings.port}")
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")  # Playwright's event loop must not outlive the page's tests
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no browser: install Debian's package chromium to run the page's tests")
    with sync_playwright() as playwright:
        # No sandbox: CI runs as root, where Chromium refuses to start with it.
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-background-networking", "--disable-gpu"],
        )
        yield browser
        browser.close()


def watch(page: Page) -> Watched:
    watched = Watched(page)
    page.on("pageerror", lambda error: watched.errors.append(str(error)))
    page.on("request", lambda request: watched.requests.append(request.url))
    page.on("requestfailed", watched.forget_blocked)
    return watched


@pytest.fixture
def opened(browser: Browser, page_server: Address) -> Iterator[Watched]:
    """The page, which must raise no error and ask no other host until the test's end."""
    watched = watch(browser.new_page())
    watched.page.goto(page_server.url)
    yield watched
    watched.page.close()
    assert not watched.errors
    ours = (page_server.url, "blob:", "data:")
    assert not [url for url in watched.requests if not url.startswith(ours)]


@pytest.fixture
def phone(browser: Browser, page_server: Address) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True
    )
    page = context.new_page()
    page.goto(page_server.url)
    yield page
    context.close()


def choose(page: Page, *files: Path) -> Locator:
    """Choose files as with the dialog; the newest card."""
    before = page.locator(".card").count()
    page.set_input_files("#file", files)
    expect(page.locator(".card")).to_have_count(before + len(files))
    return page.locator(".card").first


def captioned(card: Locator) -> str:
    expect(card).to_have_class(re.compile(r"\bcaptioned\b"))
    return card.locator(".caption").inner_text()


def failed(card: Locator) -> str:
    expect(card).to_have_class(re.compile(r"\bfailed\b"))
    return card.locator(".caption").inner_text()


def until(page: Page, expression: str, argument: object = None) -> None:
    """Wait until JavaScript is true on the page.

    Playwright's `wait_for_function` evaluates it inside the page, whose policy forbids that.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not page.evaluate(expression, argument):
        assert time.monotonic() < deadline, f"it did not become true: {expression}"
        page.wait_for_timeout(50)


def slide(page: Page, name: str, value: str) -> None:
    slider = page.locator(f"input[name={name}]")
    expect(slider).to_be_enabled()
    slider.fill(value)
    slider.dispatch_event("change")


def plain(caption: str) -> str:
    """A caption as the API writes it."""
    return caption[0].lower() + caption[1:].removesuffix(".")


def copied(page: Page) -> str:
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


class Gate:
    """Requests for captions wait here until it is opened."""

    def __init__(self, page: Page) -> None:
        self._waiting: list[Route] = []
        self._is_open = False
        page.route("**/caption", lambda route: self._take(route))

    def _take(self, route: Route) -> None:
        if self._is_open:
            route.fallback()
        else:
            self._waiting.append(route)

    def open(self) -> None:
        self._is_open = True
        for route in self._waiting:
            route.fallback()


def stop_clock(page: Page) -> None:
    """From now on the page's timers run only when the test says so."""
    page.clock.install()
    page.clock.pause_at(datetime.now() + timedelta(hours=1))


def note_fields(page: Page) -> None:
    """Have the page note the fields that it sends in forms; Chromium does not always tell."""
    page.evaluate(
        """() => {
            const append = FormData.prototype.append;
            window.fields = {};
            FormData.prototype.append = function (name, value, ...more) {
                window.fields[name] = value.size ?? value;
                append.call(this, name, value, ...more);
            };
        }"""
    )


def noted_fields(page: Page) -> dict[str, Any]:
    """The fields of all forms since `note_fields`; of files, their bytes' number."""
    fields: dict[str, Any] = page.evaluate("window.fields")
    return fields


def answer_with(
    page: Page,
    status: int,
    code: str,
    times: int,
    headers: dict[str, str] | None = None,
    **more: str,
) -> None:
    """Have the next requests refused on their way."""
    body = json.dumps({"code": code, "detail": f"this is {code}"} | more)
    page.route(
        "**/caption",
        lambda route: route.fulfill(status=status, body=body, headers=headers or {}),
        times=times,
    )
