"""What is logged, and what never is."""

import json
import logging
from collections.abc import Iterator
from datetime import datetime

import pytest
from asgi_correlation_id import correlation_id

from service.http.app import create_app
from service.logs import configure_logging
from service.settings import Settings
from tests.service.conftest import FakeCaptioner, client_of, grey_png

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Everything as it was before."""
    names = ("", "uvicorn", "uvicorn.error", "uvicorn.access")
    loggers = [logging.getLogger(name) for name in names]
    before = [(each, each.handlers[:], each.level, each.propagate) for each in loggers]
    yield
    for logger, handlers, level, propagate in before:
        logger.handlers[:] = handlers
        logger.setLevel(level)
        logger.propagate = propagate


def test_a_line_of_json_tells_the_time_the_level_and_the_request(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(Settings(log_format="json"))
    correlation_id.set("the-request")
    logging.getLogger("service").warning("careful: %s", "wet paint")
    line = json.loads(capsys.readouterr().err)
    assert line.pop("time")
    assert line == {
        "level": "WARNING",
        "logger": "service",
        "message": "careful: wet paint",
        "request_id": "the-request",
    }


def test_a_line_of_json_holds_no_colours_of_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(log_format="json"))
    colours = {"color_message": "Started server process [\x1b[36m%d\x1b[0m]", "port": 80}
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 7, extra=colours)
    line = json.loads(capsys.readouterr().err)
    assert line["message"] == "Started server process [7]"
    assert line["port"] == 80
    assert "color_message" not in line


async def test_a_request_in_json_has_method_path_status_duration_and_code(
    captioner: FakeCaptioner, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(Settings(log_format="json"))
    async with client_of(create_app(Settings(), captioner)) as client:
        await client.post("/caption", content=b"no photo")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    [line] = [line for line in lines if line["logger"] == "service.requests"]
    assert datetime.fromisoformat(line["time"]).tzinfo
    assert (line["method"], line["path"], line["status"]) == ("POST", "/caption", 415)
    assert line["code"] == "not_an_image"
    assert line["milliseconds"] > 0


def test_a_line_of_text_names_the_request_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings())
    correlation_id.set("the-request")
    logging.getLogger("uvicorn.access").info("GET /health")
    time, _, line = capsys.readouterr().err.partition(" ")
    assert datetime.fromisoformat(time).tzinfo
    assert line == "INFO: GET /health [the-request]\n"


def test_what_is_less_severe_than_asked_for_is_not_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(Settings(log_level="error"))
    for name in ("service", "uvicorn.access", "elsewhere"):
        logging.getLogger(name).warning("never mind")
    assert capsys.readouterr().err == ""


async def test_neither_names_of_files_nor_keys_are_logged(
    captioner: FakeCaptioner, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(Settings(log_level="debug"))
    logging.getLogger("asyncio").setLevel("INFO")
    app = create_app(Settings(api_keys="secret-key"), captioner)
    async with client_of(app) as client:
        for data in (grey_png(), b"no photo", b""):
            files = {"image": ("my-private-name.png", data)}
            await client.post("/caption", files=files, headers={"x-api-key": "secret-key"})
        captioner.error = RuntimeError("broken")
        files = {"image": ("my-private-name.png", grey_png())}
        await client.post("/caption", files=files, headers={"x-api-key": "secret-key"})
    logged = capsys.readouterr().err
    assert "broken" in logged
    assert "my-private-name" not in logged
    assert "secret-key" not in logged


def test_a_misspelled_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CAPTION_MAX_BYTE", "1")
    monkeypatch.setenv("CAPTION_PORT", "8001")
    monkeypatch.setenv("CAPTION_RAY_CPUS", "2")  # of deploy/ray
    configure_logging(Settings())
    err = capsys.readouterr().err
    assert "there is no setting CAPTION_MAX_BYTE;" in err
    assert "CAPTION_PORT" not in err
    assert "CAPTION_RAY" not in err
