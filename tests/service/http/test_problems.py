import json
from http import HTTPStatus
from typing import Any, get_args

import httpx
import pytest
from asgi_correlation_id import correlation_id
from fastapi import FastAPI, HTTPException

from service.engine.errors import ImageCode
from service.http.problems import MEDIA_TYPE, PROBLEMS, SCHEMA, Problem, add_handlers, documented
from tests.service.conftest import FakeCaptioner, client_of, grey_png, problem, upload

pytestmark = pytest.mark.anyio

UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"


def test_every_code_has_an_error_status_and_a_title_of_its_own() -> None:
    titles = [title for _, title in PROBLEMS.values()]
    assert len(set(titles)) == len(titles)
    for status, _ in PROBLEMS.values():
        assert 400 <= HTTPStatus(status) < 600


def test_everything_wrong_with_an_image_is_a_known_problem() -> None:
    assert set(get_args(ImageCode)) <= set(PROBLEMS)


def body_of(made: Problem) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(bytes(made.response().body))
    return body


def test_a_problem_is_rfc_9457() -> None:
    correlation_id.set("some-id")
    made = Problem("not_ready", "wait", {"Retry-After": "5"}, state="starting")
    response = made.response()
    assert response.status_code == 503
    assert response.media_type == MEDIA_TYPE == "application/problem+json"
    assert response.headers["retry-after"] == "5"
    assert body_of(made) == {
        "type": "about:blank",
        "title": "The model is not ready",
        "status": 503,
        "detail": "wait",
        "code": "not_ready",
        "request_id": "some-id",
        "state": "starting",
    }


def test_a_code_that_does_not_exist_cannot_be_used() -> None:
    with pytest.raises(KeyError):
        Problem("no_such_code", "")


def test_the_documented_schema_is_that_of_the_body() -> None:
    assert set(body_of(Problem("not_found", ""))) == set(SCHEMA["properties"])
    assert SCHEMA["required"] == list(SCHEMA["properties"])


def test_a_documented_status_lists_its_codes() -> None:
    answers = documented("too_many_bytes", "too_many_pixels", "overloaded")
    assert list(answers) == [413, 503]
    for code in ("too_many_bytes", "too_many_pixels"):
        assert f"`{code}`" in answers[413]["description"]
    assert list(answers[503]["content"]) == [MEDIA_TYPE]


async def test_an_unknown_path_is_not_found(client: httpx.AsyncClient) -> None:
    for path in ("/nowhere", "/static/nothing.js", "/captions", "/static/../app.py"):
        problem(await client.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/caption", "POST"),
        ("PUT", "/caption", "POST"),
        ("DELETE", "/caption", "POST"),
        ("POST", "/health", "GET"),
        ("POST", "/model", "GET"),
        ("POST", "/", "GET"),
        ("OPTIONS", "/caption", "POST"),
        ("BREW", "/caption", "POST"),
    ],
)
async def test_a_wrong_method_is_told_the_right_one(
    client: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    response = await client.request(method, path)
    problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == allowed


async def test_static_files_cannot_be_written(client: httpx.AsyncClient) -> None:
    problem(await client.post("/static/app.js"), 405, "method_not_allowed")


@pytest.mark.parametrize("request_id", [UUID, UUID.upper(), UUID.replace("-", "")])
async def test_a_request_id_that_is_a_uuid_is_kept(
    client: httpx.AsyncClient, request_id: str
) -> None:
    response = await client.get("/nowhere", headers={"X-Request-ID": request_id})
    assert problem(response, 404, "not_found")["request_id"] == request_id
    response = await client.get("/health", headers={"X-Request-ID": request_id})
    assert response.headers.get_list("x-request-id") == [request_id]


@pytest.mark.parametrize("request_id", ["", "1", "x" * 32, UUID + "0", "<script>", "a" * 5000])
async def test_a_request_id_that_is_none_is_replaced(
    client: httpx.AsyncClient, request_id: str
) -> None:
    response = await client.get("/nowhere", headers={"X-Request-ID": request_id})
    made = problem(response, 404, "not_found")["request_id"]
    assert made != request_id
    assert len(made) == 32
    assert made.isalnum()


async def test_every_request_has_an_id_of_its_own(client: httpx.AsyncClient) -> None:
    ids = {(await client.get("/health")).headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5


async def test_an_unexpected_error_is_logged_and_tells_nothing(
    client: httpx.AsyncClient, captioner: FakeCaptioner, caplog: pytest.LogCaptureFixture
) -> None:
    captioner.error = RuntimeError("the secret of /etc/captions")
    response = await client.post(
        "/caption", files=upload(grey_png()), headers={"X-Request-ID": UUID}
    )
    body = problem(response, 500, "internal_error")
    assert body["request_id"] == UUID
    assert set(body) == set(SCHEMA["properties"])
    for told in ("secret", "RuntimeError", "Traceback", ".py", "/etc"):
        assert told not in response.text
    assert f"request {UUID} failed" in caplog.text
    assert "the secret of /etc/captions" in caplog.text


async def test_after_an_unexpected_error_the_service_goes_on(
    client: httpx.AsyncClient, captioner: FakeCaptioner
) -> None:
    captioner.error = RuntimeError()
    problem(await client.post("/caption", files=upload(grey_png())), 500, "internal_error")
    captioner.error = None
    assert (await client.post("/caption", files=upload(grey_png()))).status_code == 200


async def test_an_error_of_a_status_without_a_code_is_still_a_problem() -> None:
    app = FastAPI()
    add_handlers(app)

    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(400, "short and stout", {"X-Spout": "left"})

    async with client_of(app) as client:
        response = await client.get("/teapot")
    assert response.status_code == 400
    assert response.json()["code"] == "malformed_request"
    assert response.json()["detail"] == "short and stout"
    assert response.headers["x-spout"] == "left"


async def test_an_error_of_another_status_keeps_it() -> None:
    app = FastAPI()
    add_handlers(app)

    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418)

    async with client_of(app) as client:
        assert (await client.get("/teapot")).status_code == 418
