import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from service.http.headers import SecurityHeadersMiddleware
from tests.service.conftest import FakeCaptioner, grey_png, upload

pytestmark = pytest.mark.anyio

PATHS = ("/", "/static/app.js", "/health", "/model", "/openapi.json", "/nowhere", "/caption")


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_has_a_strict_policy(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/", "/static/app.js", "/docs", "/model"])
async def test_a_browser_asks_whether_what_it_has_is_still_right(
    client: httpx.AsyncClient, path: str
) -> None:
    assert (await client.get(path)).headers["cache-control"] == "no-cache"


async def test_a_file_that_has_not_changed_is_not_sent_again(client: httpx.AsyncClient) -> None:
    tag = (await client.get("/static/app.js")).headers["etag"]
    answer = await client.get("/static/app.js", headers={"if-none-match": tag})
    assert (answer.status_code, answer.content) == (304, b"")


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_the_documentation_may_run_its_inline_scripts_but_ask_no_other_host(
    client: httpx.AsyncClient, path: str
) -> None:
    policy = (await client.get(path)).headers["content-security-policy"]
    assert "script-src 'self' 'unsafe-inline'" in policy
    assert "default-src 'self'" in policy
    assert "http" not in policy


async def test_an_unexpected_error_has_the_policy_too(
    client: httpx.AsyncClient, captioner: FakeCaptioner
) -> None:
    captioner.error = RuntimeError()
    response = await client.post("/caption", files=upload(grey_png()))
    assert response.status_code == 500
    assert "content-security-policy" in response.headers


async def test_what_is_not_http_passes_untouched() -> None:
    seen: list[Message] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "lifespan.startup.complete"})

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    async def send(message: Message) -> None:
        seen.append(message)

    await SecurityHeadersMiddleware(application, ("/docs",))({"type": "lifespan"}, receive, send)
    assert seen == [{"type": "lifespan.startup.complete"}]
