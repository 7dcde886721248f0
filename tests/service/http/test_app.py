import logging
import subprocess
import sys

import anyio
import httpx
import pytest
from fastapi import FastAPI

from service import __version__
from service.engine.errors import ArtifactError
from service.http.app import create_app
from service.settings import Settings
from tests.conftest import REPOSITORY
from tests.service.conftest import FakeCaptioner, StandIn, client_of, grey_png, problem, upload

pytestmark = pytest.mark.anyio


async def settled(app: FastAPI) -> str:
    """The state once it is no longer `starting`."""
    with anyio.fail_after(10):
        while app.state.readiness.state == "starting":
            await anyio.sleep(0.001)
    return str(app.state.readiness.state)


def test_tensorflow_is_not_imported_by_the_http_side() -> None:
    code = """
import sys
import service.http.app, service.cli, service.__main__
from tests.service.conftest import FakeCaptioner, tiny_manifest

service.http.app.create_app(captioner=FakeCaptioner(tiny_manifest()))
assert "service.engine.saved_model" not in sys.modules
assert "tensorflow" not in sys.modules
assert "openvino" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)


def test_creating_it_loads_nothing(stand_in: StandIn) -> None:
    app = create_app(Settings())
    assert app.state.readiness.state == "starting"
    assert stand_in.loaded == []


async def test_the_model_is_loaded_once_it_runs(stand_in: StandIn) -> None:
    settings = Settings(max_pending=3)
    app = create_app(settings)
    async with app.router.lifespan_context(app), client_of(app) as client:
        assert await settled(app) == "ready"
        assert (await client.get("/health")).json()["state"] == "ready"
        response = await client.post("/caption", files=upload(grey_png(50)))
        assert response.json()["caption"].startswith("shade-50 ")
    assert stand_in.loaded == [settings]


async def test_while_the_model_is_loaded_it_answers_that_it_is_starting(stand_in: StandIn) -> None:
    stand_in.go_on.clear()
    app = create_app(Settings())
    async with app.router.lifespan_context(app), client_of(app) as client:
        for path in ("/health", "/model"):
            assert problem(await client.get(path), 503, "not_ready")["state"] == "starting"
        stand_in.go_on.set()
        assert await settled(app) == "ready"
        assert (await client.get("/health")).status_code == 200


@pytest.mark.parametrize(
    ("error", "logged"),
    [
        (ArtifactError("/models holds no manifest.json"), "/models holds no manifest.json"),
        (ImportError("no TensorFlow here"), "no TensorFlow here"),
    ],
)
async def test_a_model_that_cannot_be_loaded_is_logged_and_the_service_says_so(
    stand_in: StandIn, caplog: pytest.LogCaptureFixture, error: Exception, logged: str
) -> None:
    stand_in.error = error
    app = create_app(Settings())
    with caplog.at_level(logging.INFO, "service"):
        async with app.router.lifespan_context(app), client_of(app) as client:
            assert await settled(app) == "failed"
            body = problem(await client.get("/health"), 503, "not_ready")
    assert body["state"] == "failed"
    assert logged not in body["detail"]
    assert logged in caplog.text


async def test_a_captioner_given_is_used_and_none_is_loaded(
    stand_in: StandIn, captioner: FakeCaptioner
) -> None:
    app = create_app(Settings(), captioner)
    async with app.router.lifespan_context(app), client_of(app) as client:
        assert (await client.get("/health")).status_code == 200
    assert stand_in.loaded == []


async def test_it_can_be_stopped_while_the_model_is_loaded(stand_in: StandIn) -> None:
    stand_in.go_on.clear()
    app = create_app(Settings())
    with anyio.move_on_after(10) as scope:
        async with app.router.lifespan_context(app):
            await anyio.sleep(0)
    stand_in.go_on.set()
    assert not scope.cancel_called
    assert app.state.readiness.state == "starting"


async def test_settings_are_read_from_the_environment_if_none_are_given(
    monkeypatch: pytest.MonkeyPatch, captioner: FakeCaptioner
) -> None:
    monkeypatch.setenv("CAPTION_MAX_PENDING", "5")
    app = create_app(captioner=captioner)
    assert app.state.settings.max_pending == 5
    assert app.state.admission.requests.most == 5


async def test_two_applications_do_not_share_what_they_hold(captioner: FakeCaptioner) -> None:
    one, other = create_app(Settings(max_bytes=1), captioner), create_app(Settings())
    async with client_of(one) as first, client_of(other) as second:
        assert (await first.get("/health")).status_code == 200
        problem(await second.get("/health"), 503, "not_ready")
        problem(await first.post("/caption", files=upload(grey_png())), 413, "too_many_bytes")


async def test_the_version_of_the_document_is_that_of_the_package(
    client: httpx.AsyncClient,
) -> None:
    info = (await client.get("/openapi.json")).json()["info"]
    assert info["version"] == __version__
    assert "application/problem+json" in info["description"]
