"""The service with a captioner that needs no model: the whole HTTP side, in milliseconds."""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from io import BytesIO
from types import ModuleType
from typing import Any

import anyio
import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image

from service.engine.captions import Attention, Beam, Captions, Device, Engine, Pixels, Word
from service.engine.manifest import Manifest, SearchOptions
from service.http.app import create_app
from service.settings import Settings

SIDE = 16  # of the pixels the fake captioner takes
WORDS = ("dog", "'s", "does", "n't", "roll", "over")


def tiny_manifest(**changes: Any) -> Manifest:
    fields: dict[str, Any] = {
        "name": "fake",
        "version": "7",
        "architecture": "none",
        "input": {"height": SIDE, "width": SIDE, "resize_filter": "bicubic"},
        "search": {"beam_size": 3, "max_length": 5, "length_penalty": 0.5},
        "limits": {"beam_size": [1, 10], "max_length": [1, 30], "length_penalty": [0, 2]},
        "metrics": {"cider": 0.1},
        "calibration": None,
        "provenance": {"git": "none"},
        "files": {},
    }
    return Manifest.model_validate(fields | changes)


class FakeCaptioner:
    """Its first word is the mean of the pixels; the later a beam, the less probable its words."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.device: Device = "CPU"
        self.engine: Engine = "openvino"
        self.at_once = 1
        self.few_sizes = True
        self.options: list[SearchOptions] = []
        self.error: Exception | None = None
        self.entered = asyncio.Event()
        self.gate = asyncio.Event()  # closed, everyone waits
        self.gate.set()

    async def caption(self, images: Pixels, options: SearchOptions) -> Captions:
        self.entered.set()
        await self.gate.wait()
        return self.caption_now(images, options, 0.0)

    def caption_now(self, images: Pixels, options: SearchOptions, submitted: float) -> Captions:
        if self.error:
            raise self.error
        self.options.append(options)
        beams = [
            [_beam(image, rank, options) for rank in range(options.beam_size)] for image in images
        ]
        return Captions(beams, 0.001, 0.002)


def _beam(image: Pixels, rank: int, options: SearchOptions) -> Beam:
    texts = (f"shade-{round(float(np.mean(image)))}", *WORDS)[: options.max_length]
    words = tuple(Word(text, -0.25 * (rank + 1)) for text in texts)
    log_probability = sum(word.log_probability for word in words) - 0.5
    score = log_probability / (len(words) + 1) ** options.length_penalty
    return Beam(words, -0.5, score, looked(len(words) + 1))


def focused(focus: float, tokens: int) -> Attention:
    """Float32 [tokens, 7, 7] of a given focus, which the last token has."""
    maps = np.zeros((tokens, 7, 7), np.float32)
    maps[-1, 3, 3] = focus / 49
    return maps


def looked(tokens: int) -> Attention:
    """Float32 [tokens, 7, 7]: three quarters at one cell, for every token the next."""
    maps = np.zeros((tokens, 49), np.float32)
    maps[range(tokens), [token % 49 for token in range(tokens)]] = 0.75
    return maps.reshape(tokens, 7, 7)


class StandIn(ModuleType):
    """In the place of service.engine.load, and of service.engine.saved_model for `check_device`."""

    def __init__(self, captioner: FakeCaptioner) -> None:
        super().__init__("service.engine.load")
        self.captioner = captioner
        self.error: Exception | None = None
        self.go_on = threading.Event()
        self.go_on.set()
        self.loaded: list[Settings] = []

    def load_captioner(self, settings: Settings) -> FakeCaptioner:
        self.loaded.append(settings)
        self.go_on.wait()
        if self.error:
            raise self.error
        return self.captioner


def encode(image: Image.Image, format: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def grey_png(shade: int = 128, size: tuple[int, int] = (4, 3)) -> bytes:
    return encode(Image.new("L", size, shade), "PNG")


def upload(data: bytes) -> dict[str, tuple[str, bytes, str]]:
    return {"image": ("photo", data, "application/octet-stream")}


@asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    # A server answers with 500 and goes on; the transport would raise the error here.
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        yield client


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The body of the expected problem, after checking what all problems have in common."""
    body: dict[str, Any] = response.json()
    assert (response.status_code, body["code"]) == (status, code), body
    assert response.headers["content-type"] == "application/problem+json"
    assert set(body) >= {"type", "title", "status", "detail", "code", "request_id"}
    assert body["type"] == "about:blank"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert response.headers.get_list("x-request-id") == [body["request_id"]]
    return body


async def until(reached: Callable[[], bool]) -> None:
    with anyio.fail_after(60):
        while not reached():
            await asyncio.sleep(0.01)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="package", autouse=True)
def defaults() -> Iterator[None]:
    """No setting of the machine's."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.upper().startswith("CAPTION_"):
                patch.delenv(name)
        yield


@pytest.fixture
def captioner() -> FakeCaptioner:
    return FakeCaptioner(tiny_manifest())


@pytest.fixture
def app(captioner: FakeCaptioner) -> FastAPI:
    return create_app(Settings(), captioner)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch, captioner: FakeCaptioner) -> StandIn:
    module = StandIn(captioner)
    for name in ("load", "saved_model"):
        monkeypatch.setitem(sys.modules, f"service.engine.{name}", module)
    return module
