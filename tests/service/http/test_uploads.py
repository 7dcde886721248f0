"""Photos as forms and as bytes alone, and clients that are slow or disconnect."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Message

from service.http.app import create_app
from service.settings import FORM_BYTES, Settings
from tests.service.conftest import FakeCaptioner, client_of, grey_png, problem, until, upload

pytestmark = pytest.mark.anyio

FORM = {"content-type": "multipart/form-data; boundary=x"}


async def held_open(start: bytes, gate: asyncio.Event) -> AsyncIterator[bytes]:
    """A body that ends once the gate is open."""
    yield start
    await gate.wait()


@pytest.mark.parametrize(
    "content_type",
    ["image/jpeg", "application/octet-stream", "application/x-www-form-urlencoded", "text/plain"],
)
async def test_a_photo_can_be_the_body_itself(client: httpx.AsyncClient, content_type: str) -> None:
    answer = await client.post(
        "/caption?beam_size=2&attention=true",
        content=grey_png(70),
        headers={"content-type": content_type},
    )
    body = answer.json()
    assert body["caption"].startswith("shade-70 ")
    assert len(body["beams"]) == 2
    assert body["beams"][0]["words"][0]["attention"]


async def test_a_photo_can_be_sent_without_any_type(client: httpx.AsyncClient) -> None:
    answer = await client.post("/caption", content=grey_png(70))
    assert answer.json()["caption"].startswith("shade-70 ")


async def test_the_query_has_the_options_of_a_form_without_any(client: httpx.AsyncClient) -> None:
    answer = await client.post("/caption?beam_size=2", files=upload(grey_png()))
    assert answer.json()["options"]["beam_size"] == 2


async def test_options_in_the_query_and_in_the_form_are_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/caption?beam_size=2", files=upload(grey_png()), data={"max_length": "3"}
    )
    assert "not in both" in problem(answer, 422, "invalid_option")["detail"]


async def test_an_option_out_of_range_is_refused_in_the_query_too(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post("/caption?beam_size=0", content=grey_png())
    assert "beam_size: " in problem(answer, 422, "invalid_option")["detail"]


async def test_a_field_of_another_name_is_told_which_one_is_expected(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post("/caption", files={"photo": ("a.png", grey_png())})
    detail = problem(answer, 422, "image_missing")["detail"]
    assert "'photo'" in detail
    assert "'image'" in detail


async def test_a_photo_sent_as_text_is_told_to_be_a_file(client: httpx.AsyncClient) -> None:
    answer = await client.post("/caption", data={"image": "a" * 2_000_000}, files={"x": b""})
    detail = problem(answer, 422, "image_missing")["detail"]
    assert "as a file" in detail


@pytest.mark.parametrize("charset", ["undefined", "punycode", "utf-7", '"utf-16"', "nothing"])
async def test_the_charset_of_a_form_changes_nothing(
    client: httpx.AsyncClient, charset: str
) -> None:
    headers = {"content-type": f"multipart/form-data; charset={charset}; boundary=x"}
    start = b'--x\r\nContent-Disposition: form-data; name="'
    photo = start + b'image"; filename="a.png"\r\n\r\n' + grey_png(70) + b"\r\n"
    option = start + b'+2AA-"\r\n\r\n1\r\n'
    answer = await client.post("/caption", content=photo + b"--x--\r\n", headers=headers)
    assert answer.json()["caption"].startswith("shade-70 ")
    answer = await client.post("/caption", content=photo + option + b"--x--\r\n", headers=headers)
    assert "+2AA-" in problem(answer, 422, "invalid_option")["detail"]


async def test_a_raw_body_of_one_byte_too_many_is_refused(captioner: FakeCaptioner) -> None:
    async with client_of(create_app(Settings(max_bytes=100), captioner)) as client:
        problem(await client.post("/caption", content=bytes(101)), 413, "too_many_bytes")


async def test_idle_uploads_leave_places_for_photos_that_are_there(
    captioner: FakeCaptioner,
) -> None:
    app = create_app(Settings(max_pending=2), captioner)
    gate = asyncio.Event()

    async with client_of(app) as client:
        slow = [
            asyncio.create_task(
                client.post("/caption", content=held_open(b"--x\r\n", gate), headers=FORM)
            )
            for _ in range(5)
        ]
        await until(lambda: app.state.admission.uploads.taken == 5)
        assert (await client.post("/caption", files=upload(grey_png()))).status_code == 200
        gate.set()
        await asyncio.gather(*slow)


async def test_uploads_beyond_their_number_are_refused(captioner: FakeCaptioner) -> None:
    app = create_app(Settings(max_uploads=1), captioner)
    gate = asyncio.Event()

    async with client_of(app) as client:
        slow = asyncio.create_task(
            client.post("/caption", content=held_open(b"--x\r\n", gate), headers=FORM)
        )
        await until(lambda: app.state.admission.uploads.is_full)
        problem(await client.post("/caption", files=upload(grey_png())), 503, "overloaded")
        gate.set()
        await slow


async def test_uploads_together_hold_no_more_memory_than_allowed(
    captioner: FakeCaptioner,
) -> None:
    memory = 1000 + FORM_BYTES
    app = create_app(Settings(max_bytes=1000, upload_memory=memory), captioner)
    gate = asyncio.Event()

    async with client_of(app) as client:
        first = asyncio.create_task(client.post("/caption", content=held_open(grey_png(), gate)))
        await until(lambda: app.state.upload_memory.held > 0)
        app.state.upload_memory.max_bytes = app.state.upload_memory.held
        problem(await client.post("/caption", content=grey_png()), 503, "overloaded")
        gate.set()
        assert (await first).status_code == 200
        assert app.state.upload_memory.held == 0


async def test_an_upload_is_not_held_while_its_pixels_wait(
    app: FastAPI, client: httpx.AsyncClient, captioner: FakeCaptioner
) -> None:
    captioner.gate.clear()
    request = asyncio.create_task(client.post("/caption", files=upload(grey_png())))
    await until(captioner.entered.is_set)
    assert app.state.upload_memory.held == 0
    captioner.gate.set()
    assert (await request).status_code == 200


async def test_the_deadline_starts_when_the_upload_is_complete(captioner: FakeCaptioner) -> None:
    app = create_app(Settings(deadline_seconds=2, receive_seconds=60), captioner)
    seen: list[float] = []

    async def slow_body() -> AsyncIterator[bytes]:
        yield grey_png()[:10]
        await asyncio.sleep(0.5)
        seen.append(asyncio.get_running_loop().time())
        yield grey_png()[10:]

    async def noted(*given: Any) -> Any:
        seen.append(given[-1])
        return await caption(*given)

    caption, app.state.batcher.caption = app.state.batcher.caption, noted
    async with client_of(app) as client:
        assert (await client.post("/caption", content=slow_body())).status_code == 200
    complete, deadline = seen
    assert deadline >= complete + 2


async def test_a_client_that_disconnects_while_it_uploads_is_no_error_of_ours(
    app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    messages: list[Message] = [
        {"type": "http.request", "body": b"--x\r\n", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        pass

    caplog.set_level("INFO")
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/caption",
        "query_string": b"",
        "headers": [(b"content-type", b"multipart/form-data; boundary=x")],
    }
    await app(scope, receive, send)
    counted = app.state.metrics.requests.labels("client_gone")._value.get()
    assert counted == 1
    assert not [record for record in caplog.records if record.levelname != "INFO"]
    assert app.state.admission.pending == app.state.upload_memory.held == 0
