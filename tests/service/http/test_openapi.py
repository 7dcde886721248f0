"""The document as /docs shows it, and as clients are generated from it."""

import asyncio
import importlib
import json
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from service.http.app import create_app
from service.settings import Settings
from tests.service.conftest import FakeCaptioner, client_of, grey_png, tiny_manifest

pytestmark = pytest.mark.anyio

SEARCH = {"beam_size": 3, "max_length": 5, "length_penalty": 0.5}


def caption_operation(app: FastAPI) -> dict[str, Any]:
    operation: dict[str, Any] = app.openapi()["paths"]["/caption"]["post"]
    return operation


def form_of(app: FastAPI) -> dict[str, Any]:
    form: dict[str, Any] = app.openapi()["components"]["schemas"]["CaptionForm"]
    return dict(form["properties"])


def test_the_form_has_the_model_s_defaults_and_limits(app: FastAPI) -> None:
    fields = form_of(app)
    assert fields.pop("image")["format"] == "binary"
    assert {name: each["default"] for name, each in fields.items()} == SEARCH | {"attention": False}
    assert (fields["beam_size"]["minimum"], fields["beam_size"]["maximum"]) == (1, 10)


def test_what_docs_fills_in_is_not_sent_twice(app: FastAPI) -> None:
    parameters = caption_operation(app)["parameters"]
    assert {each["name"] for each in parameters} == set(SEARCH) | {"attention"}
    assert not any("default" in each["schema"] or "example" in each for each in parameters)


def test_people_is_described_where_the_model_has_it(app: FastAPI) -> None:
    assert "people" not in form_of(app)
    manifest = tiny_manifest(search=SEARCH | {"people": "seen"})
    field = form_of(create_app(Settings(), FakeCaptioner(manifest)))["people"]
    assert (field["enum"], field["default"]) == (["seen", "neutral"], "seen")


def test_paths_are_grouped_and_the_health_comes_before_its_probes(app: FastAPI) -> None:
    operations = [
        (path, operation["tags"], operation["summary"])
        for path, each in app.openapi()["paths"].items()
        for operation in each.values()
    ]
    assert operations == [
        ("/caption", ["Captions"], "Caption a photo"),
        ("/health", ["Operation"], "Readiness check"),
        ("/health/ready", ["Operation"], "Readiness check, as /health"),
        ("/health/live", ["Operation"], "Liveness check"),
        ("/model", ["Model"], "The model"),
        ("/model/card", ["Model"], "The model's card"),
    ]


def test_every_error_is_the_one_component(app: FastAPI) -> None:
    for path in app.openapi()["paths"].values():
        for operation in path.values():
            for status, answer in operation["responses"].items():
                assert "X-Request-ID" in answer["headers"]
                assert ("Retry-After" in answer["headers"]) == (status == "503")
                if status >= "400":
                    [content] = answer["content"].values()
                    assert content["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_keys_can_be_given_where_they_are_asked_for(app: FastAPI) -> None:
    assert set(app.openapi()["components"]["securitySchemes"]) == {"bearer", "api_key"}
    assert "security" not in caption_operation(app)
    closed = create_app(Settings(api_keys="one"), FakeCaptioner(tiny_manifest()))
    assert caption_operation(closed)["security"] == [{"bearer": []}, {"api_key": []}]


async def test_a_generated_client_captions_a_photo(
    app: FastAPI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client_of(app) as client:
        document = (await client.get("/openapi.json")).json()
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"]
    command += ["--path", "openapi.json", "--output-path", "generated", "--fail-on-warning"]
    (tmp_path / "config.yml").write_text("post_hooks: []")  # which format the code
    command += ["--config", "config.yml"]
    made = await asyncio.to_thread(
        subprocess.run, command, cwd=tmp_path, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stdout + made.stderr
    monkeypatch.syspath_prepend(str(tmp_path))
    generated = importlib.import_module("generated")
    models, types = (importlib.import_module(f"generated.{name}") for name in ("models", "types"))
    api = importlib.import_module("generated.api.captions.caption")
    client = generated.Client(base_url="http://service")
    client.set_async_httpx_client(
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://service")
    )
    photo = types.File(payload=BytesIO(grey_png(70)), file_name="photo.png")
    found = await api.asyncio(client=client, body=models.CaptionForm(image=photo))
    assert found.caption.startswith("shade-70 ")
    other = types.File(payload=BytesIO(b"no photo"), file_name="photo.png")
    refused = await api.asyncio(client=client, body=models.CaptionForm(image=other))
    assert refused.code == "not_an_image"
