import httpx
import pytest

from service.http.app import create_app
from service.settings import Settings
from tests.service.conftest import FakeCaptioner, client_of, grey_png, problem, upload

pytestmark = pytest.mark.anyio


async def test_a_page_of_another_origin_can_read_our_errors(captioner: FakeCaptioner) -> None:
    captioner.error = RuntimeError("broken")
    app = create_app(Settings(cors_origins="http://page.example"), captioner)
    async with client_of(app) as client:
        answer = await client.post(
            "/caption", files=upload(grey_png()), headers={"Origin": "http://page.example"}
        )
    problem(answer, 500, "internal_error")
    assert answer.headers["access-control-allow-origin"] == "http://page.example"


async def test_a_preflight_for_the_request_id_is_allowed(captioner: FakeCaptioner) -> None:
    app = create_app(Settings(cors_origins="*"), captioner)
    headers = {
        "Origin": "http://page.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-request-id",
    }
    async with client_of(app) as client:
        assert (await client.options("/caption", headers=headers)).status_code == 200


async def test_nothing_redirects_to_a_host_that_the_client_names(client: httpx.AsyncClient) -> None:
    answer = await client.post("/caption/", headers={"Host": "evil.example"})
    assert "POST /caption" in problem(answer, 404, "not_found")["detail"]


async def test_another_method_is_told_which_one_a_path_takes(client: httpx.AsyncClient) -> None:
    assert problem(await client.get("/caption"), 405, "method_not_allowed")["detail"] == (
        "/caption takes POST"
    )


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/health/live", "/model"])
async def test_head_is_answered(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.head(path)).status_code == 200
