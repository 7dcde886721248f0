import logging

import httpx
import pytest

from tests.service.conftest import grey_png, upload

pytestmark = pytest.mark.anyio


async def test_a_request_is_logged_with_what_came_of_it(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "service.requests")
    await client.post("/caption", files=upload(grey_png()))
    await client.post("/caption", content=b"no photo")
    good, bad = [record.__dict__ for record in caplog.records if record.name == "service.requests"]
    assert (good["method"], good["path"], good["status"]) == ("POST", "/caption", 200)
    assert good["milliseconds"] > 0
    assert good["code"] is None
    assert (bad["status"], bad["code"]) == (415, "not_an_image")
    assert "POST /caption 415 in " in bad["message"]


async def test_probes_are_logged_at_debug(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "service.requests")
    for path in ("/health", "/health/live", "/metrics"):
        await client.get(path)
    levels = [record.levelno for record in caplog.records if record.name == "service.requests"]
    assert levels == 3 * [logging.DEBUG]


async def test_a_path_cannot_forge_a_line(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "service.requests")
    await client.get("/a%0aERROR: forged")
    assert "\n" not in caplog.records[-1].getMessage()
