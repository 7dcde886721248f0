"""Who hangs up is not worked for."""

import asyncio
from typing import Any

import anyio
import pytest
from starlette.requests import Request

from service.http.disconnect import ClientGoneError, unless_gone

pytestmark = pytest.mark.anyio


def request(messages: "asyncio.Queue[dict[str, Any]]") -> Request:
    return Request({"type": "http"}, messages.get)


@pytest.fixture
async def messages() -> "asyncio.Queue[dict[str, Any]]":
    return asyncio.Queue()


async def test_work_that_ends_first_is_returned(messages: "asyncio.Queue[dict[str, Any]]") -> None:
    async def work() -> int:
        await asyncio.sleep(0.01)
        return 5

    before = asyncio.all_tasks()
    assert await unless_gone(request(messages), work()) == 5
    assert asyncio.all_tasks() == before


async def test_what_the_work_raises_is_raised(messages: "asyncio.Queue[dict[str, Any]]") -> None:
    async def work() -> int:
        raise KeyError("lost")

    with pytest.raises(KeyError, match="lost"):
        await unless_gone(request(messages), work())


async def test_when_the_sender_hangs_up_the_work_is_cancelled(
    messages: "asyncio.Queue[dict[str, Any]]",
) -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        started.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    waiting = asyncio.create_task(unless_gone(request(messages), work()))
    await started.wait()
    messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})
    messages.put_nowait({"type": "http.disconnect"})
    with pytest.raises(ClientGoneError), anyio.fail_after(60):
        await waiting
    assert cancelled.is_set()


async def test_cancelled_itself_it_leaves_nothing_running(
    messages: "asyncio.Queue[dict[str, Any]]",
) -> None:
    before = asyncio.all_tasks()
    waiting = asyncio.create_task(unless_gone(request(messages), asyncio.sleep(60)))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert asyncio.all_tasks() == before
