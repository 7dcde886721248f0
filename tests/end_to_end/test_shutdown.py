"""Stopped in the middle of its work, as a deployment does it."""

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from benchmarks.server import Server, free_port, start_server
from tests.end_to_end.conftest import PATIENCE
from tests.service.conftest import grey_png, upload

pytestmark = pytest.mark.http

CLIENTS = 12
SHUTDOWNS = int(os.environ.get("SHUTDOWNS", "3"))  # 20 by `make soak`


@contextmanager
def fake_server(log: Path, port: int | None = None) -> Iterator[Server]:
    settings = {"CAPTION_LOG_LEVEL": "error", "CAPTION_DEADLINE_SECONDS": str(PATIENCE)}
    server = start_server(log, "tests.service.fake_server", port, **settings)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.process.kill()
        server.process.wait()


@contextmanager
def load(url: str) -> Iterator[Counter[str]]:
    """Clients that post one photo after another, each on a connection of its own, and count."""
    seen: Counter[str] = Counter()
    stop = threading.Event()

    def post() -> None:
        while not stop.is_set():
            try:
                answer = httpx.post(f"{url}/caption", files=upload(grey_png()), timeout=PATIENCE)
            except httpx.TransportError:
                seen["unreachable"] += 1
                time.sleep(0.01)
            else:
                seen["ok" if answer.status_code == 200 else answer.json()["code"]] += 1

    threads = [threading.Thread(target=post) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def answered(seen: Counter[str], photos: int) -> None:
    """Wait until so many photos were captioned, while others are on their way."""
    deadline = time.monotonic() + PATIENCE
    while seen["ok"] < photos:
        assert time.monotonic() < deadline, seen
        time.sleep(0.001)


@pytest.mark.parametrize("attempt", range(SHUTDOWNS))
def test_nothing_accepted_is_lost_when_it_is_asked_to_stop(attempt: int, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with fake_server(log) as server:
        with load(server.url) as seen:
            answered(seen, 1 + 3 * attempt)
            server.process.send_signal(signal.SIGTERM)
            server.process.wait(timeout=PATIENCE)
        assert server.process.returncode == 0
        report = json.loads(log.read_text())
    assert report["pending"] == 0
    happened = {outcome for outcome, times in report["outcomes"].items() if times}
    assert happened <= {"ok", "not_ready"}
    assert seen["ok"] == report["outcomes"]["ok"] > 0
    assert set(seen) <= {"ok", "not_ready", "unreachable"}


def test_killed_in_the_middle_it_starts_again_as_if_nothing_had_been(tmp_path: Path) -> None:
    port = free_port()
    for _ in range(3):
        with fake_server(tmp_path / "log", port) as server, load(server.url) as seen:
            answered(seen, CLIENTS)
            server.process.kill()
            server.process.wait(timeout=PATIENCE)
        assert seen["ok"] > 0
