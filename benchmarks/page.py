"""How large the page is and how soon it can be used, in Chromium with an empty cache.

It can be used once its modules have run, which is before DOMContentLoaded ends.
"""

import argparse
import shutil

from playwright.sync_api import Browser, sync_playwright
from tqdm import tqdm

from benchmarks.latency import described, machine
from benchmarks.report import report
from benchmarks.server import serving

MEASURED = """() => {
    const [page] = performance.getEntriesByType("navigation");
    const files = [page, ...performance.getEntriesByType("resource")]
        .filter(({name}) => name === location.href || name.includes("/static/"))
        .filter(({name}) => !name.includes("/samples/"));
    const bytes = files.reduce((sum, file) => sum + file.decodedBodySize, 0);
    return [page.domContentLoadedEventEnd, bytes];
}"""


def measure(browser: Browser, url: str) -> tuple[float, int]:
    """Milliseconds until it can be used, and bytes of the page's files."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(url, wait_until="load")
    milliseconds, size = page.evaluate(MEASURED)
    context.close()
    return milliseconds, size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=30)
    repeats = parser.parse_args().repeats
    with serving(CAPTION_LOG_LEVEL="warning") as server, sync_playwright() as playwright:
        server.wait_until_ready()
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        measured = [measure(browser, server.url) for _ in tqdm(range(repeats), desc="loads")]
    taken = [milliseconds for milliseconds, _ in measured]
    rows = [
        {
            "what": "the page's files without the sample photos, uncompressed",
            "value": f"{measured[0][1] / 1000:.1f} kB",
        },
        {"what": "until the page can be used", "value": described(taken)},
    ]
    how = f"{machine()}; Chromium, empty cache, {repeats} loads."
    report("page", how, rows, milliseconds=taken)


if __name__ == "__main__":
    main()
