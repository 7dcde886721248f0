"""The OpenAPI document's examples are what the service really answers."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from PIL import Image

from service.http.app import create_app
from service.http.examples import DETAILS, RECORDED
from service.http.problems import PROBLEMS
from service.http.schemas import CaptionResponse, Health, Life, ServedModel
from service.settings import Settings
from tests.service.conftest import FakeCaptioner, client_of, encode, grey_png, until, upload
from tests.service.costly import jpeg_of_scans

pytestmark = pytest.mark.anyio

Provoke = Callable[[FastAPI, httpx.AsyncClient], Coroutine[Any, Any, httpx.Response]]
PROVOKED: dict[str, tuple[dict[str, Any], Provoke]] = {}


def provokes(code: str, **settings: Any) -> Callable[[Provoke], Provoke]:
    """Registers what makes a service of these settings answer with the code."""

    def register(provoke: Provoke) -> Provoke:
        PROVOKED[code] = (settings, provoke)
        return provoke

    return register


def post_file(code: str, data: bytes) -> None:
    @provokes(code)
    async def provoke(app: FastAPI, client: httpx.AsyncClient) -> httpx.Response:
        return await client.post("/caption", files=upload(data))


post_file("too_many_bytes", bytes(10_000_001))
post_file("too_many_pixels", encode(Image.new("1", (8000, 8000)), "PNG"))
post_file("not_an_image", b"no image")
post_file("unsupported_format", b"%PDF-1.7")
post_file("image_empty", b"")
post_file("image_too_complex", jpeg_of_scans(400))
post_file("image_truncated", grey_png()[:-30])


@provokes("unauthorized", api_keys="a-key-that-is-long-enough")
async def _(app: FastAPI, client: httpx.AsyncClient) -> httpx.Response:
    return await client.post("/caption", files=upload(grey_png()))


@provokes("malformed_request")
async def _(app: FastAPI, client: httpx.AsyncClient) -> httpx.Response:
    return await client.post(
        "/caption", content=b"x", headers={"content-type": "multipart/form-data"}
    )


@provokes("not_found")
async def _(app: FastAPI, client: httpx.AsyncClient) -> httpx.Response:
    return await client.get("/nowhere")


@provokes("method_not_allowed")
async def _(app: FastAPI, client: httpx.AsyncClient) -> httpx.Response:
    return await client.get("/caption")


@provokes("body_too_slow", receive_seconds=0.05)
async def _(app: FastAPI, client: httpx.AsyncClient) -> httpx.Response:
    async def slow() -> Any:
        yield b"--x\r\n"
        await asyncio.sleep(1)

    headers = {"content-type": "multipart/form-data; boundary=x"}
    return await client.post("/caption", content=slow(), headers=headers)


@provokes("image_missing")
async def _(app: FastAPI, client: httpx.AsyncClient) -> httpx.Response:
    return await client.post("/caption", files={"other": b"x"})


@provokes("too_many_images")
async def _(app: FastAPI, client: httpx.AsyncClient) -> httpx.Response:
    return await client.post("/caption", files=[("image", grey_png()), ("image", grey_png())])


@provokes("invalid_option")
async def _(app: FastAPI, client: httpx.AsyncClient) -> httpx.Response:
    return await client.post("/caption", files=upload(grey_png()), data={"beam_size": "0"})


@provokes("internal_error")
async def _(app: FastAPI, client: httpx.AsyncClient) -> httpx.Response:
    app.state.readiness.captioner.error = RuntimeError()
    return await client.post("/caption", files=upload(grey_png()))


@provokes("overloaded", max_pending=1)
async def _(app: FastAPI, client: httpx.AsyncClient) -> httpx.Response:
    gate = app.state.readiness.captioner.gate
    gate.clear()
    first = asyncio.create_task(client.post("/caption", files=upload(grey_png())))
    await until(lambda: app.state.admission.is_full)
    answer = await client.post("/caption", files=upload(grey_png()))
    gate.set()
    await first
    return answer


@provokes("not_ready")
async def _(app: FastAPI, client: httpx.AsyncClient) -> httpx.Response:
    app.state.readiness.state = "starting"
    return await client.get("/health")


@provokes("deadline_exceeded", deadline_seconds=0.05)
async def _(app: FastAPI, client: httpx.AsyncClient) -> httpx.Response:
    app.state.readiness.captioner.gate.clear()
    return await client.post("/caption", files=upload(grey_png()))


@pytest.mark.parametrize("code", PROBLEMS)
async def test_the_example_of_a_problem_is_what_the_service_says(
    code: str, captioner: FakeCaptioner
) -> None:
    settings, provoke = PROVOKED[code]
    app = create_app(Settings(**settings), captioner)
    async with client_of(app) as client:
        answer = (await provoke(app, client)).json()
    assert answer["code"] == code
    # How long, how many: the tests' settings are not the defaults.
    said, shown = (re.sub(r"[\d.]+ ", "N ", each) for each in (answer["detail"], DETAILS[code]))
    assert said == shown
    document = app.openapi()
    examples = _examples(document, code)
    assert code in ("not_found", "method_not_allowed") or examples
    for example in examples:
        assert example.keys() == answer.keys()
        assert example | {"request_id": "", "detail": ""} == answer | {
            "request_id": "",
            "detail": "",
        }


def _examples(document: dict[str, Any], code: str) -> list[dict[str, Any]]:
    """All examples of a problem in the OpenAPI document."""
    return [
        answer["content"]["application/problem+json"]["examples"][code]["value"]
        for operations in document["paths"].values()
        for operation in operations.values()
        for answer in operation["responses"].values()
        if code in answer["content"].get("application/problem+json", {}).get("examples", {})
    ]


def test_recorded_answers_are_of_the_present_schemas() -> None:
    for name in ("caption", "caption_with_attention"):
        answer = RECORDED[name]
        parsed = CaptionResponse.model_validate(answer)
        assert parsed.model_dump(mode="json", exclude_unset=True) == answer
    assert (
        CaptionResponse.model_validate(RECORDED["caption_with_attention"])
        .beams[0]
        .words[0]
        .attention
    )
    for name, schema in (("health", Health), ("live", Life), ("model", ServedModel)):
        assert (
            schema.model_validate(RECORDED[name]).model_dump(mode="json", exclude_unset=True)
            == RECORDED[name]
        )


def test_every_json_answer_has_an_example(app: FastAPI) -> None:
    for operations in app.openapi()["paths"].values():
        for operation in operations.values():
            for answer in operation["responses"].values():
                for kind, content in answer["content"].items():
                    assert content.get("examples") or kind == "text/html"
