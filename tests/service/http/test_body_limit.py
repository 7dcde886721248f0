import json
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from service.http.body_limit import BodyLimitMiddleware
from service.http.problems import Problem
from service.settings import FORM_BYTES

pytestmark = pytest.mark.anyio

MAX_BYTES = 100
LIMIT = MAX_BYTES + FORM_BYTES


class Application:
    """Reads the whole body and keeps it."""

    def __init__(self) -> None:
        self.called = False
        self.body = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.called = True
        while True:
            message = await receive()
            self.body += message.get("body", b"")
            if not message.get("more_body", False):
                return


def http(*headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http", "method": "POST", "path": "/", "headers": list(headers)}


async def sent_through(scope: Scope, *chunks: bytes) -> tuple[Application, list[Message]]:
    messages = [
        {"type": "http.request", "body": chunk, "more_body": i < len(chunks) - 1}
        for i, chunk in enumerate(chunks)
    ]
    answer: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        answer.append(message)

    application = Application()
    await BodyLimitMiddleware(application, MAX_BYTES)(scope, receive, send)
    return application, answer


async def test_a_body_within_the_limit_passes_unchanged() -> None:
    scope = http((b"content-length", str(LIMIT).encode()))
    application, answer = await sent_through(scope, b"a" * LIMIT)
    assert application.body == b"a" * LIMIT
    assert answer == []


async def test_a_body_announced_too_large_is_refused_before_it_is_read() -> None:
    scope = http((b"content-length", str(LIMIT + 1).encode()))
    application, answer = await sent_through(scope)
    assert not application.called
    assert answer[0]["status"] == 413
    headers = dict(answer[0]["headers"])
    assert headers[b"content-type"] == b"application/problem+json"
    assert json.loads(answer[1]["body"])["code"] == "too_many_bytes"


async def test_a_streamed_body_is_refused_as_soon_as_it_is_too_large() -> None:
    half = b"a" * (LIMIT // 2)
    with pytest.raises(Problem) as refused:
        await sent_through(http(), half, half, half, half)
    assert refused.value.code == "too_many_bytes"


async def test_a_streamed_body_may_reach_the_limit() -> None:
    application, _ = await sent_through(http(), b"a" * (LIMIT - 1), b"a", b"")
    assert len(application.body) == LIMIT


async def test_a_body_larger_than_announced_is_refused() -> None:
    with pytest.raises(Problem) as refused:
        await sent_through(http((b"content-length", b"1")), b"a" * (LIMIT + 1))
    assert refused.value.code == "too_many_bytes"


@pytest.mark.parametrize("announced", [b"", b"-1", b"many", b"1e9", "²".encode("latin-1")])
async def test_a_senseless_announcement_is_not_believed(announced: bytes) -> None:
    application, _ = await sent_through(http((b"content-length", announced)), b"body")
    assert application.body == b"body"


async def test_a_request_without_a_body_passes() -> None:
    application, _ = await sent_through(http(), b"")
    assert application.called


async def test_what_is_not_http_passes_untouched() -> None:
    application, _ = await sent_through({"type": "lifespan"}, b"a" * (LIMIT + 1))
    assert len(application.body) == LIMIT + 1
