"""A real server in a process of its own, as `make run` starts it."""

import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

from benchmarks.server import Server, start_server


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


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from running(start_server(tmp_path_factory.mktemp("server") / "log"))


@pytest.fixture(scope="module")
def ray_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The same routes in front of replicas of the model, on Ray Serve."""
    log = tmp_path_factory.mktemp("ray") / "log"
    yield from running(
        start_server(log, "deploy.ray.local", CAPTION_THREADS="1", CAPTION_RAY_MAX_REPLICAS="1")
    )


def running(server: Server) -> Iterator[Server]:
    """The server once it is ready; afterwards it must stop when it is told to."""
    server.wait_until_ready()
    yield server
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=30) == 0


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


@pytest.fixture
def opened(browser: Browser, server: Server) -> Iterator[Watched]:
    """The page, which must raise no error and ask no other host until the test's end."""
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
