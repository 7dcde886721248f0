import asyncio
import tempfile
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image

from service.engine import batching
from service.engine.batching import FAILURES
from service.http.app import create_app
from service.settings import FORM_BYTES, Settings
from tests.service import conftest
from tests.service.conftest import (
    WORDS,
    FakeCaptioner,
    client_of,
    encode,
    grey_png,
    problem,
    tiny_manifest,
    upload,
)

pytestmark = pytest.mark.anyio


async def post(client: httpx.AsyncClient, data: bytes, **options: Any) -> httpx.Response:
    return await client.post("/caption", files=upload(data), data=options)


async def test_a_photo_is_captioned(client: httpx.AsyncClient, captioner: FakeCaptioner) -> None:
    response = await post(client, grey_png(200, size=(30, 20)))
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert list(body) == [
        "caption",
        "confidence",
        "uncertain",
        "beams",
        "options",
        "image",
        "model",
        "milliseconds",
        "request_id",
    ]
    assert body["caption"] == body["beams"][0]["text"] == "shade-200 dog's doesn't"
    assert body["options"] == {"beam_size": 3, "max_length": 5, "length_penalty": 0.5}
    assert body["image"] == {"width": 30, "height": 20, "format": "PNG"}
    assert body["model"] == {"name": "fake", "version": "7"}
    assert set(body["milliseconds"]) == {"decoding", "queue", "inference"}
    assert body["milliseconds"]["queue"] >= 1  # the fake captioner's own, and ours
    assert body["milliseconds"]["inference"] == 2
    assert [body["request_id"]] == response.headers.get_list("x-request-id")
    assert captioner.options == [captioner.manifest.search]


async def test_the_beams_add_up(client: httpx.AsyncClient) -> None:
    beams = (await post(client, grey_png(), beam_size=4, length_penalty=1)).json()["beams"]
    assert len(beams) == 4
    assert [beam["score"] for beam in beams] == sorted(
        (beam["score"] for beam in beams), reverse=True
    )
    for beam in beams:
        assert list(beam) == ["text", "log_probability", "score", "words", "end_log_probability"]
        words = [word["log_probability"] for word in beam["words"]]
        assert beam["log_probability"] == pytest.approx(sum(words) + beam["end_log_probability"])
        assert beam["score"] == pytest.approx(beam["log_probability"] / (len(words) + 1))
        assert [word["word"] for word in beam["words"]] == ["shade-128", *WORDS[:4]]


async def test_the_name_and_the_announced_type_of_the_file_do_not_matter(
    client: httpx.AsyncClient,
) -> None:
    for name, kind in (("a.exe", "text/plain"), ("../é\n.gif", "image/gif"), ("", "nonsense")):
        response = await client.post("/caption", files={"image": (name or "x", grey_png(), kind)})
        assert response.status_code == 200
        assert response.json()["image"]["format"] == "PNG"


async def test_a_photo_on_its_side_has_the_size_of_the_upright_one(
    client: httpx.AsyncClient,
) -> None:
    exif = Image.Exif()
    exif[274] = 6
    data = encode(Image.new("RGB", (40, 60)), "JPEG", exif=exif)
    body = (await post(client, data)).json()
    assert body["image"] == {"width": 60, "height": 40, "format": "JPEG"}


async def test_without_an_image_it_says_how_to_send_one(client: httpx.AsyncClient) -> None:
    for request in (
        {},
        {"json": {"image": "aGVsbG8="}},
        {"data": {"beam_size": "2"}},
        {"files": {"photo": ("a.png", grey_png())}},
        {"content": b"{", "headers": {"content-type": "application/json"}},
        {"data": {"image": "a"}},
        {},
    ):
        body = problem(await client.post("/caption", **request), 422, "image_missing")
        assert "'image'" in body["detail"]


async def test_an_image_as_a_text_field_is_no_file(client: httpx.AsyncClient) -> None:
    problem(await client.post("/caption", data={"image": "photo.jpg"}), 422, "image_missing")
    fields = {"image": (None, grey_png())}
    problem(await client.post("/caption", files=fields), 422, "image_missing")


@pytest.mark.parametrize("count", [2, 3, 50])
async def test_several_images_are_too_many(client: httpx.AsyncClient, count: int) -> None:
    files = [("image", (f"{shade}.png", grey_png(shade))) for shade in range(count)]
    problem(await client.post("/caption", files=files), 422, "too_many_images")


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 422, "image_empty"),
        (b"hello", 415, "not_an_image"),
        (b"%PDF-1.7", 415, "unsupported_format"),
        (grey_png(size=(64, 64))[:60], 422, "image_truncated"),
    ],
)
async def test_what_is_no_photo_is_refused(
    client: httpx.AsyncClient, captioner: FakeCaptioner, data: bytes, status: int, code: str
) -> None:
    problem(await post(client, data), status, code)
    assert captioner.options == []


async def test_too_many_pixels_are_refused(captioner: FakeCaptioner) -> None:
    async with client_of(create_app(Settings(max_pixels=100), captioner)) as client:
        assert (await post(client, grey_png(size=(10, 10)))).status_code == 200
        body = problem(await post(client, grey_png(size=(10, 11))), 413, "too_many_pixels")
        assert "100" in body["detail"]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("beam_size", "1", 1),
        ("beam_size", "10", 10),
        ("max_length", "1", 1),
        ("max_length", "30", 30),
        ("length_penalty", "0", 0),
        ("length_penalty", "2", 2),
        ("length_penalty", "0.75", 0.75),
    ],
)
async def test_options_may_reach_their_limits(
    client: httpx.AsyncClient, captioner: FakeCaptioner, name: str, text: str, value: float
) -> None:
    options = (await post(client, grey_png(), **{name: text})).json()["options"]
    assert options == captioner.manifest.search.model_dump(exclude_unset=True) | {name: value}
    assert captioner.options[0].model_dump(exclude_unset=True) == options


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("beam_size", "0"),
        ("beam_size", "11"),
        ("beam_size", "-1"),
        ("beam_size", "2.5"),
        ("beam_size", "three"),
        ("beam_size", "1e1"),
        ("beam_size", "9" * 500),
        ("max_length", "0"),
        ("max_length", "31"),
        ("max_length", "long"),
        ("length_penalty", "-0.1"),
        ("length_penalty", "2.1"),
        ("length_penalty", "nan"),
        ("length_penalty", "inf"),
        ("length_penalty", "0,5"),
    ],
)
async def test_an_option_out_of_range_is_refused_by_name(
    client: httpx.AsyncClient, captioner: FakeCaptioner, name: str, text: str
) -> None:
    body = problem(await post(client, grey_png(), **{name: text}), 422, "invalid_option")
    assert body["detail"].startswith(f"{name}: ")
    assert captioner.options == []


async def test_all_wrong_options_are_named_at_once(client: httpx.AsyncClient) -> None:
    response = await post(client, grey_png(), beam_size=0, max_length="x")
    detail = problem(response, 422, "invalid_option")["detail"]
    assert "beam_size: " in detail
    assert "max_length: " in detail


async def test_an_option_sent_as_a_file_is_refused(client: httpx.AsyncClient) -> None:
    files = upload(grey_png()) | {"beam_size": ("size", b"3", "text/plain")}
    problem(await client.post("/caption", files=files), 422, "invalid_option")


@pytest.mark.parametrize("name", ["beam_size", "max_length", "length_penalty"])
async def test_an_option_left_empty_as_forms_do_is_the_default(
    client: httpx.AsyncClient, captioner: FakeCaptioner, name: str
) -> None:
    response = await post(client, grey_png(), **{name: ""})
    assert response.json()["options"] == captioner.manifest.search.model_dump(exclude_unset=True)


async def test_the_model_s_own_narrower_limits_are_kept() -> None:
    limits = {"beam_size": [2, 4], "max_length": [1, 30], "length_penalty": [0, 2]}
    app = create_app(Settings(), FakeCaptioner(tiny_manifest(limits=limits)))
    async with client_of(app) as client:
        assert (await post(client, grey_png(), beam_size=4)).status_code == 200
        for size in (1, 5):
            response = await post(client, grey_png(), beam_size=size)
            detail = problem(response, 422, "invalid_option")["detail"]
            assert detail == "beam_size must be from 2 to 4 with this model"


PART = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", PART),
        ("multipart/form-data; boundary=", PART),
        ("multipart/form-data; boundary=y", PART),
        ("multipart/form-data; boundary=x", b"junk"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nno name\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\nBad\0Header: a\r\n\r\n\r\n--x--\r\n"),
        ("multipart/form-data; boundary=" + "x" * 1000, PART),
        ("multipart/form-data; boundary=x; charset=hex", b"--x\r\n\r\n"),
    ],
)
async def test_a_broken_form_is_the_sender_s_mistake(
    client: httpx.AsyncClient, content_type: str, body: bytes
) -> None:
    response = await client.post("/caption", content=body, headers={"content-type": content_type})
    assert 400 <= response.status_code < 500
    problem(response, response.status_code, response.json()["code"])
    assert response.json()["code"] in ("malformed_request", "image_missing")


async def test_a_form_of_too_many_fields_is_refused(client: httpx.AsyncClient) -> None:
    fields = {f"field{i}": "" for i in range(1001)}
    response = await client.post("/caption", data=fields, files=upload(grey_png()))
    problem(response, 400, "malformed_request")


MAX_BYTES = 1000


@pytest.fixture
async def narrow(captioner: FakeCaptioner) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(Settings(max_bytes=MAX_BYTES), captioner)) as client:
        yield client


def padded_png(size: int) -> bytes:
    data = grey_png()
    return data + bytes(size - len(data))


async def test_a_file_may_have_as_many_bytes_as_the_limit_says(narrow: httpx.AsyncClient) -> None:
    assert (await post(narrow, padded_png(MAX_BYTES))).status_code == 200


async def test_a_file_of_one_byte_more_is_refused(narrow: httpx.AsyncClient) -> None:
    body = problem(await post(narrow, padded_png(MAX_BYTES + 1)), 413, "too_many_bytes")
    assert "1,000 bytes" in body["detail"]


async def test_a_body_announced_too_large_is_refused(narrow: httpx.AsyncClient) -> None:
    response = await post(narrow, bytes(MAX_BYTES + FORM_BYTES))
    problem(response, 413, "too_many_bytes")


async def test_a_body_streamed_too_large_is_refused_before_it_ends(
    narrow: httpx.AsyncClient,
) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        yield PART
        while True:  # would never end
            sent += 1
            yield bytes(10_000)

    response = await narrow.post(
        "/caption", content=body(), headers={"content-type": "multipart/form-data; boundary=x"}
    )
    problem(response, 413, "too_many_bytes")
    assert sent <= (MAX_BYTES + FORM_BYTES) // 10_000 + 1


@pytest.fixture
def without_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("an upload went to the disk")

    for name in ("TemporaryFile", "NamedTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, refuse)
    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", refuse)


@pytest.mark.usefixtures("without_disk")
async def test_an_upload_is_not_written_to_the_disk(client: httpx.AsyncClient) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1300, 1300, 3), np.uint8)
    data = encode(Image.fromarray(noise), "BMP")
    assert len(data) > 5_000_000
    assert (await post(client, data)).status_code == 200


@pytest.mark.usefixtures("without_disk")
async def test_an_upload_as_large_as_allowed_is_not_written_to_the_disk(
    narrow: httpx.AsyncClient,
) -> None:
    assert (await post(narrow, padded_png(MAX_BYTES))).status_code == 200
    problem(await post(narrow, padded_png(MAX_BYTES + 1)), 413, "too_many_bytes")


@pytest.mark.usefixtures("without_disk")
async def test_an_upload_a_little_too_large_is_not_written_to_the_disk(
    narrow: httpx.AsyncClient,
) -> None:
    problem(await post(narrow, padded_png(MAX_BYTES + 2)), 413, "too_many_bytes")


async def test_each_of_many_at_once_gets_its_own_answer(client: httpx.AsyncClient) -> None:
    shades = range(0, 240, 10)
    answers = await asyncio.gather(*(post(client, grey_png(shade)) for shade in shades))
    for shade, answer in zip(shades, answers, strict=True):
        assert answer.json()["caption"].startswith(f"shade-{shade} ")
    assert len({answer.json()["request_id"] for answer in answers}) == len(shades)


@pytest.fixture
def small(captioner: FakeCaptioner) -> FastAPI:
    """A service with one place."""
    return create_app(Settings(max_pending=1), captioner)


async def occupy(
    client: httpx.AsyncClient, captioner: FakeCaptioner, shade: int = 128
) -> asyncio.Task[httpx.Response]:
    """A request that the captioner works on until its gate is opened."""
    captioner.gate.clear()
    request = asyncio.create_task(post(client, grey_png(shade)))
    with anyio.fail_after(60):
        await captioner.entered.wait()
    return request


async def test_who_finds_no_place_comes_back_later(
    small: FastAPI, captioner: FakeCaptioner
) -> None:
    async with client_of(small) as client:
        first = await occupy(client, captioner, 10)
        refused = await post(client, grey_png(20))
        problem(refused, 503, "overloaded")
        assert int(refused.headers["retry-after"]) > 0
        for path in ("/health", "/model", "/"):
            assert (await client.get(path)).status_code == 200
        captioner.gate.set()
        assert (await first).json()["caption"].startswith("shade-10 ")
        assert (await post(client, grey_png(20))).status_code == 200


async def test_the_place_is_freed_after_every_kind_of_error(
    small: FastAPI, captioner: FakeCaptioner
) -> None:
    async with client_of(small) as client:
        problem(await post(client, b"no photo"), 415, "not_an_image")
        captioner.error = RuntimeError()
        problem(await post(client, grey_png()), 500, "internal_error")
        captioner.error = None
        problem(await post(client, grey_png(), beam_size=0), 422, "invalid_option")
        assert (await post(client, grey_png())).status_code == 200


async def test_the_place_is_freed_when_the_request_is_cancelled(
    small: FastAPI, captioner: FakeCaptioner
) -> None:
    async with client_of(small) as client:
        first = await occupy(client, captioner)
        assert small.state.admission.pending == 1
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert small.state.admission.pending == 0


async def test_what_finds_no_place_is_refused_before_its_body_is_read(
    small: FastAPI, captioner: FakeCaptioner
) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        read += 1
        yield b"--x"

    async with client_of(small) as client:
        first = await occupy(client, captioner, 10)
        form = {"content-type": "multipart/form-data; boundary=x"}
        refused = await client.post("/caption", content=body(), headers=form)
        problem(refused, 503, "overloaded")
        assert read == 0
        captioner.gate.set()
        await first


async def test_past_its_deadline_a_request_is_told_so_and_not_captioned(
    captioner: FakeCaptioner,
) -> None:
    app = create_app(Settings(deadline_seconds=1), captioner)
    captioner.gate.clear()
    async with client_of(app) as client:
        late = await asyncio.gather(*(post(client, grey_png(shade)) for shade in (10, 20, 30)))
        for answer in late:
            assert "within 1 seconds" in problem(answer, 504, "deadline_exceeded")["detail"]
        assert app.state.admission.pending == 0
        captioner.gate.set()
        assert (await post(client, grey_png(40))).json()["caption"].startswith("shade-40 ")
    # Of those that came too late only the first had been given to the model.
    assert len(captioner.options) == 2


async def test_an_upload_that_does_not_arrive_is_given_up(captioner: FakeCaptioner) -> None:
    app = create_app(Settings(receive_seconds=0.1), captioner)

    async def stalled() -> AsyncIterator[bytes]:
        yield b"--x\r\n"
        await asyncio.sleep(60)

    async with client_of(app) as client:
        form = {"content-type": "multipart/form-data; boundary=x"}
        answer = await client.post("/caption", content=stalled(), headers=form)
        problem(answer, 408, "body_too_slow")
        assert answer.headers["connection"] == "close"
        assert app.state.admission.pending == 0
    assert captioner.options == []


async def test_what_arrives_while_it_drains_is_sent_elsewhere_and_what_was_accepted_answered(
    app: FastAPI, captioner: FakeCaptioner
) -> None:
    async with client_of(app) as client:
        first = await occupy(client, captioner, 10)
        app.state.readiness.drain()
        refused = await post(client, grey_png(20))
        assert problem(refused, 503, "not_ready")["state"] == "draining"
        problem(await client.get("/health/ready"), 503, "not_ready")
        assert (await client.get("/health/live")).json() == {"state": "draining"}
        captioner.gate.set()
        assert (await first).json()["caption"].startswith("shade-10 ")


async def test_a_model_that_fails_again_and_again_asks_for_a_restart(
    client: httpx.AsyncClient, captioner: FakeCaptioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "FAILING_SECONDS", 0)
    captioner.error = RuntimeError("the device is lost")
    for _ in range(FAILURES):
        assert (await client.get("/health/live")).status_code == 200
        problem(await post(client, grey_png()), 500, "internal_error")
    for path in ("/health", "/health/ready", "/health/live"):
        body = problem(await client.get(path), 503, "not_ready")
        assert body["state"] == "failed"
        assert "lost" not in body["detail"]
    problem(await post(client, grey_png()), 503, "not_ready")


async def test_a_full_service_is_busy_but_ready(small: FastAPI, captioner: FakeCaptioner) -> None:
    async with client_of(small) as client:
        first = await occupy(client, captioner, 10)
        answer = await client.get("/health/ready")
        assert (answer.status_code, answer.json()["state"]) == (200, "busy")
        captioner.gate.set()
        await first


async def test_health_tells_what_serves(client: httpx.AsyncClient) -> None:
    response = await client.get("/health")
    assert response.status_code == 200
    assert response.json() == {
        "state": "ready",
        "model": {"name": "fake", "version": "7"},
        "device": "CPU",
        "engine": "openvino",
    }


async def test_the_model_is_its_manifest(
    client: httpx.AsyncClient, captioner: FakeCaptioner
) -> None:
    response = await client.get("/model")
    assert response.status_code == 200
    assert response.json() == {
        **captioner.manifest.model_dump(mode="json", exclude_unset=True),
        "engine": "openvino",
    }


@pytest.mark.parametrize("children", [{}, {"boy": 0.5, "girl": 0.4}])
async def test_the_model_s_gender_thresholds_are_those_of_its_manifest(
    children: dict[str, float],
) -> None:
    thresholds = {"male": 0.6, "female": 0.46} | children
    manifest = tiny_manifest(gender_thresholds=thresholds)
    async with client_of(create_app(Settings(), FakeCaptioner(manifest))) as client:
        assert (await client.get("/model")).json()["gender_thresholds"] == thresholds


@pytest.mark.parametrize("state", ["starting", "failed"])
async def test_without_a_model_it_is_not_ready(state: str) -> None:
    app = create_app(Settings())
    app.state.readiness.state = state
    async with client_of(app) as client:
        for response in (
            await client.get("/health"),
            await client.get("/model"),
            await post(client, grey_png()),
        ):
            assert problem(response, 503, "not_ready")["state"] == state
            assert int(response.headers["retry-after"]) > 0
        assert (await client.get("/")).status_code == 200


async def test_attention_is_told_only_if_it_is_asked_for(client: httpx.AsyncClient) -> None:
    for options in ({}, {"attention": "false"}):
        body = (await post(client, grey_png(), **options)).json()
        assert all(set(word) == {"word", "log_probability"} for word in body["beams"][0]["words"])


async def test_every_word_has_a_map_and_what_is_left_for_the_sentinel(
    client: httpx.AsyncClient,
) -> None:
    body = (await post(client, grey_png(), attention="true", beam_size="2")).json()
    assert len(body["beams"]) == 2
    for beam in body["beams"]:
        for i, word in enumerate(beam["words"]):
            cells = [cell for row in word["attention"] for cell in row]
            assert [len(row) for row in word["attention"]] == [7] * 7
            assert cells == [0.75 if cell == i else 0 for cell in range(49)]
            assert word["sentinel"] == 0.25


async def test_a_model_that_does_not_attend_says_so(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conftest, "looked", lambda tokens: None)
    body = (await post(client, grey_png(), attention="true")).json()
    for word in body["beams"][0]["words"]:
        assert word["attention"] is None
        assert word["sentinel"] is None


async def test_the_openapi_document_lists_the_paths_and_their_problems(
    client: httpx.AsyncClient,
) -> None:
    response = await client.get("/openapi.json")
    assert "HTTPValidationError" not in response.text
    paths = response.json()["paths"]
    assert set(paths) == {
        "/caption",
        "/health",
        "/health/live",
        "/health/ready",
        "/model",
        "/model/card",
    }
    answers = {
        path: operation["responses"]
        for path, operations in paths.items()
        for operation in operations.values()
    }
    expected = {"200", "400", "401", "408", "413", "415", "422", "500", "503", "504"}
    assert set(answers["/caption"]) == expected
    assert set(answers["/health"]) == set(answers["/model"]) == {"200", "503"}
    for by_status in answers.values():
        for status, answer in by_status.items():
            assert set(answer["content"]) <= (
                {"application/json", "text/html", "text/plain"}
                if status == "200"
                else {"application/problem+json"}
            )
