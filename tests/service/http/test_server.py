"""Uvicorn as we start it: slow headers, and the end."""

import asyncio
import logging
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
import pytest

from benchmarks.server import free_port
from service.engine.captions import Captioner
from service.engine.errors import ArtifactError
from service.http import server as module
from service.http.app import create_app
from service.http.server import BROKEN, Server, url_of
from service.settings import Settings
from tests.service.conftest import FakeCaptioner, grey_png, problem, until, upload

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def serving(captioner: FakeCaptioner, **settings: Any) -> AsyncIterator[tuple[Server, str]]:
    chosen = Settings(port=free_port(), log_level="critical", **settings)
    server = Server(create_app(chosen, captioner), chosen)
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    try:
        yield server, f"http://127.0.0.1:{chosen.port}"
    finally:
        server.should_exit = True
        with anyio.fail_after(60):
            await task


async def test_asked_to_stop_it_answers_what_it_accepted_and_then_ends(
    captioner: FakeCaptioner,
) -> None:
    async with serving(captioner) as (server, url), httpx.AsyncClient(base_url=url) as client:
        captioner.gate.clear()
        accepted = asyncio.create_task(client.post("/caption", files=upload(grey_png(10))))
        await until(captioner.entered.is_set)
        server.handle_exit(signal.SIGTERM, None)
        refused = await client.post("/caption", files=upload(grey_png(20)))
        assert problem(refused, 503, "not_ready")["state"] == "draining"
        await asyncio.sleep(0.15)
        assert not server.should_exit
        captioner.gate.set()
        assert (await accepted).json()["caption"].startswith("shade-10 ")
        await until(lambda: server.should_exit)


async def test_it_refuses_as_long_as_it_drains(captioner: FakeCaptioner) -> None:
    async with serving(captioner, drain_seconds=3600.0) as (server, url):
        server.handle_exit(signal.SIGTERM, None)
        async with httpx.AsyncClient(base_url=url) as client:
            problem(await client.get("/health/ready"), 503, "not_ready")
        assert not server.should_exit


async def test_once_it_has_drained_it_ends(captioner: FakeCaptioner) -> None:
    async with serving(captioner, drain_seconds=0.1) as (server, _):
        server.handle_exit(signal.SIGTERM, None)
        await until(lambda: server.should_exit)


@pytest.mark.parametrize("last", [signal.SIGINT, signal.SIGTERM])
async def test_asked_twice_it_does_not_drain_and_after_ctrl_c_waits_for_nobody(
    captioner: FakeCaptioner, last: signal.Signals
) -> None:
    async with serving(captioner, drain_seconds=60.0) as (server, _):
        server.handle_exit(signal.SIGTERM, None)
        assert not server.should_exit
        server.handle_exit(last, None)
        assert server.should_exit
        assert server.force_exit == (last == signal.SIGINT)
        server._captured_signals.clear()  # or Uvicorn raises it again, here


async def test_who_hangs_up_is_not_captioned(captioner: FakeCaptioner) -> None:
    async with serving(captioner) as (server, url):
        captioner.gate.clear()
        async with httpx.AsyncClient(base_url=url) as client:
            first = asyncio.create_task(client.post("/caption", files=upload(grey_png(10))))
            await until(captioner.entered.is_set)
            gone = asyncio.create_task(client.post("/caption", files=upload(grey_png(20))))
            await until(lambda: server._app.state.admission.pending == 2)
            await until(lambda: server._app.state.batcher.depth == 1)
            gone.cancel()
            await until(lambda: server._app.state.admission.pending == 1)
            captioner.gate.set()
            assert (await first).status_code == 200
        assert len(captioner.options) == 1


@pytest.mark.parametrize("sent", [b"", b"GET /health HTTP/1.1\r\nHost: a\r\n"])
async def test_a_header_that_does_not_arrive_is_given_up(
    captioner: FakeCaptioner, sent: bytes
) -> None:
    async with serving(captioner, receive_seconds=0.2) as (server, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.config.port)
        writer.write(sent)
        with anyio.fail_after(60):
            assert await reader.read() == b""
        writer.close()


async def test_a_second_header_that_does_not_arrive_is_given_up_too(
    captioner: FakeCaptioner,
) -> None:
    async with serving(captioner, receive_seconds=1.0) as (server, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.config.port)
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200")
        writer.write(b"GET /health/live HT")
        with anyio.fail_after(60):
            assert await reader.read() == b""
        writer.close()


async def test_a_slow_answer_is_not_taken_for_a_slow_header(captioner: FakeCaptioner) -> None:
    async with (
        serving(captioner, receive_seconds=1.0) as (_, url),
        httpx.AsyncClient(base_url=url) as client,
    ):
        captioner.gate.clear()
        slow = asyncio.create_task(client.post("/caption", files=upload(grey_png(10))))
        await asyncio.sleep(1.1)
        captioner.gate.set()
        assert (await slow).status_code == 200


async def test_who_is_refused_reads_why_however_much_he_goes_on_sending(
    captioner: FakeCaptioner,
) -> None:
    async with (
        serving(captioner, max_pending=1, max_bytes=100_000) as (_, url),
        httpx.AsyncClient(base_url=url, timeout=60) as client,
    ):
        large = upload(bytes(5_000_000))
        for _ in range(5):
            problem(await client.post("/caption", files=large), 413, "too_many_bytes")
        captioner.gate.clear()
        first = asyncio.create_task(client.post("/caption", files=upload(grey_png(10))))
        await until(captioner.entered.is_set)
        for _ in range(5):
            problem(await client.post("/caption", files=upload(bytes(90_000))), 503, "overloaded")
        captioner.gate.set()
        assert (await first).status_code == 200


@pytest.mark.parametrize(
    "header", [b"X-Long: " + bytes([65]) * 200_000, b"\r\n".join([b"X-One: of many"] * 20_000)]
)
async def test_endless_headers_are_refused(captioner: FakeCaptioner, header: bytes) -> None:
    async with serving(captioner) as (server, url):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.config.port)
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: a\r\n" + header + b"\r\n\r\n")
        with anyio.fail_after(60):
            assert (await reader.read(12)) == b"HTTP/1.1 400"
        writer.close()
        async with httpx.AsyncClient(base_url=url) as client:
            assert (await client.get("/health/live")).status_code == 200


async def test_a_server_whose_model_broke_answers_and_then_ends_with_a_status_of_its_own(
    captioner: FakeCaptioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[float] = []
    monkeypatch.setattr(module, "_end", lambda: ended.append(1))
    async with serving(captioner) as (server, url), httpx.AsyncClient(base_url=url) as client:
        captioner.gate.clear()
        accepted = asyncio.create_task(client.post("/caption", files=upload(grey_png(10))))
        await until(captioner.entered.is_set)
        server._app.state.readiness.fail("the device is lost")
        problem(await client.get("/health/live"), 503, "not_ready")
        assert not server.should_exit
        captioner.gate.set()
        assert (await accepted).status_code == 200
        await until(lambda: server.should_exit)
        assert server.exit_status == BROKEN == 4
        assert server._ending
        assert server._ending.daemon
        server._ending.cancel()
    assert not ended


async def test_a_server_whose_model_cannot_be_loaded_ends_with_1() -> None:
    def load(settings: Settings) -> Captioner:
        raise ArtifactError("it is not there")

    chosen = Settings(port=free_port(), log_level="critical")
    server = Server(create_app(chosen, load=load), chosen)
    with anyio.fail_after(20):
        await server.serve()
    assert server.exit_status == 1
    assert server._ending
    server._ending.cancel()


async def test_it_does_not_tell_what_serves(captioner: FakeCaptioner) -> None:
    async with serving(captioner) as (_, url), httpx.AsyncClient(base_url=url) as client:
        assert "server" not in (await client.get("/health/live")).headers


async def test_the_last_line_of_start_up_says_where_to_open_it(
    captioner: FakeCaptioner, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    may_load = threading.Event()

    def load(settings: Settings) -> Captioner:
        may_load.wait()
        return captioner

    chosen = Settings(port=free_port())
    server = Server(create_app(chosen, load=load), chosen)
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    assert "Open " not in caplog.text
    may_load.set()
    await until(lambda: "Open " in caplog.text)
    assert caplog.messages[-2].startswith("ready: ")
    assert caplog.messages[-1] == f"Open http://localhost:{chosen.port}"
    server.should_exit = True
    await task


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://localhost:80"),
        ("0.0.0.0", "http://localhost:80"),  # noqa: S104
        ("::", "http://localhost:80"),
        ("192.168.0.7", "http://192.168.0.7:80"),
        ("fd00::7", "http://[fd00::7]:80"),
    ],
)
def test_the_address_to_open_is_one_a_browser_takes(host: str, url: str) -> None:
    assert url_of(host, 80) == url
