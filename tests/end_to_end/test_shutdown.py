"""Stopped in the middle of its work, as a deployment does it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.conftest import REPOSITORY
from tests.service.conftest import grey_png, upload
from tests.service.test_server import free_port

pytestmark = pytest.mark.http

CLIENTS = 12


@contextmanager
def fake_server(port: int | None = None) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    port = port or free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.service.fake_server"],
        cwd=REPOSITORY,
        env=os.environ | {"CAPTION_PORT": str(port), "CAPTION_LOG_LEVEL": "error"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                httpx.get(f"{url}/health")
                break
            except httpx.ConnectError:
                time.sleep(0.05)
        yield process, url
    finally:
        process.kill()
        process.communicate()


@contextmanager
def load(url: str) -> Iterator[Counter[str]]:
    """Clients that post one photo after another, each on a connection of its own, and count."""
    seen: Counter[str] = Counter()
    stop = threading.Event()

    def post() -> None:
        while not stop.is_set():
            try:
                answer = httpx.post(f"{url}/caption", files=upload(grey_png()), timeout=20)
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


@pytest.mark.parametrize("attempt", range(20))
def test_nothing_accepted_is_lost_when_it_is_asked_to_stop(attempt: int) -> None:
    with fake_server() as (process, url):
        with load(url) as seen:
            time.sleep(0.3 + 0.01 * attempt)
            process.send_signal(signal.SIGTERM)
            counted, _ = process.communicate(timeout=30)
        assert process.returncode == 0
        report = json.loads(counted)
    assert report["pending"] == 0
    assert set(report["outcomes"]) <= {"ok", "not_ready"}
    assert seen["ok"] == report["outcomes"]["ok"] > 0
    assert set(seen) <= {"ok", "not_ready", "unreachable"}


def test_killed_in_the_middle_it_starts_again_as_if_nothing_had_been() -> None:
    port = free_port()
    for _ in range(3):
        with fake_server(port) as (process, url), load(url) as seen:
            time.sleep(0.3)
            process.kill()
            process.wait(timeout=10)
        assert seen["ok"] > 0
