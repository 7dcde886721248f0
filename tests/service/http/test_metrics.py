"""What is counted, and that nothing is forgotten."""

import asyncio
import json
import re

import httpx
import pytest
from fastapi import FastAPI

from service import __version__
from service.http.app import create_app
from service.http.problems import PROBLEMS
from service.settings import FORM_BYTES, Settings
from tests.conftest import REPOSITORY
from tests.service.conftest import FakeCaptioner, client_of, grey_png, upload

pytestmark = pytest.mark.anyio


async def metric(client: httpx.AsyncClient, name: str, **labels: str) -> float:
    """A metric's value; 0 while it was never touched."""
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    wanted = ",".join(f'{label}="{value}"' for label, value in labels.items())
    line = re.escape(f"{name}{{{wanted}}}" if labels else name)
    found = re.search(rf"^{line} (\S+)$", answer.text, re.MULTILINE)
    return float(found[1]) if found else 0.0


async def requests(client: httpx.AsyncClient, outcome: str) -> float:
    return await metric(client, "caption_requests_total", outcome=outcome)


async def test_every_outcome_is_counted_by_its_code(captioner: FakeCaptioner) -> None:
    app = create_app(Settings(max_bytes=1000, deadline_seconds=2), captioner)
    async with client_of(app) as client:

        async def post(data: bytes, **fields: str) -> None:
            await client.post("/caption", files=upload(data), data=fields)

        await post(grey_png())
        assert await requests(client, "ok") == 1
        await post(b"no photo")
        assert await requests(client, "not_an_image") == 1
        await post(bytes(1001))
        await post(bytes(1001 + FORM_BYTES))
        assert await requests(client, "too_many_bytes") == 2
        await post(grey_png(), beam_size="0")
        assert await requests(client, "invalid_option") == 1
        await client.post("/caption", data={"beam_size": "1"})
        assert await requests(client, "image_missing") == 1
        await client.get("/caption")
        assert await requests(client, "method_not_allowed") == 1
        captioner.error = RuntimeError()
        await post(grey_png())
        assert await requests(client, "internal_error") == 1
        captioner.error = None
        captioner.gate.clear()
        await post(grey_png())
        assert await requests(client, "deadline_exceeded") == 1
        app.state.readiness.drain()
        await post(grey_png())
        assert await requests(client, "not_ready") == 1
        text = (await client.get("/metrics")).text
    outcomes = set(re.findall(r'caption_requests_total\{outcome="(\w+)"\}', text))
    assert outcomes <= {"ok", "client_gone", *PROBLEMS}
    assert 'caption_request_seconds_count{outcome="ok"} 1.0' in text


async def test_a_request_that_is_cancelled_is_counted_too(
    client: httpx.AsyncClient, captioner: FakeCaptioner
) -> None:
    captioner.gate.clear()
    gone = asyncio.create_task(client.post("/caption", files=upload(grey_png())))
    await captioner.entered.wait()
    assert await metric(client, "caption_pending") == 1
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert await requests(client, "ok") == 0
    assert await metric(client, "caption_pending") == 0


async def test_stages_and_batches_are_measured(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        await client.post("/caption", files=upload(grey_png()))
    for stage in ("decoding", "queue", "inference"):
        assert await metric(client, "caption_stage_seconds_count", stage=stage) == 3
    assert await metric(client, "caption_stage_seconds_sum", stage="inference") == 0.006
    assert await metric(client, "caption_batch_photos_count") == 3
    assert await metric(client, "caption_queue_photos") == 0


async def test_readiness_is_seen(app: FastAPI) -> None:
    async with client_of(app) as client:
        assert await metric(client, "caption_ready") == 1
        app.state.readiness.fail("the device is lost")
        assert await metric(client, "caption_ready") == 0


async def test_other_paths_are_not_counted(client: httpx.AsyncClient) -> None:
    for path in ("/health", "/model", "/", "/nowhere"):
        await client.get(path)
    text = (await client.get("/metrics")).text
    assert set(re.findall(r"^caption_requests_total{.*} (.*)$", text, re.MULTILINE)) == {"0.0"}


async def test_every_outcome_is_there_before_its_first_request(client: httpx.AsyncClient) -> None:
    for outcome in ("ok", "client_gone", *PROBLEMS):
        assert await requests(client, outcome) == 0


async def test_the_process_and_the_build_are_described(client: httpx.AsyncClient) -> None:
    text = (await client.get("/metrics")).text
    assert f'caption_build_info{{version="{__version__}"}} 1.0' in text
    assert re.search(r"^process_resident_memory_bytes [1-9]", text, re.MULTILINE)


async def test_what_a_browser_asks_before_it_posts_is_not_counted(
    captioner: FakeCaptioner,
) -> None:
    app = create_app(Settings(cors_origins="https://a.example"), captioner)
    async with client_of(app) as client:
        asked = {"origin": "https://a.example", "access-control-request-method": "POST"}
        assert (await client.options("/caption", headers=asked)).status_code == 200
        assert await requests(client, "ok") == 0


async def test_two_applications_count_for_themselves(captioner: FakeCaptioner) -> None:
    one, other = create_app(Settings(), captioner), create_app(Settings(), captioner)
    async with client_of(one) as first, client_of(other) as second:
        await first.post("/caption", files=upload(grey_png()))
        assert (await requests(first, "ok"), await requests(second, "ok")) == (1, 0)


async def test_the_dashboard_and_the_documents_name_what_there_is(
    client: httpx.AsyncClient,
) -> None:
    await client.post("/caption", files=upload(grey_png()))
    there = set(re.findall(r"^(caption_\w+)", (await client.get("/metrics")).text, re.MULTILINE))
    dashboard = json.loads((REPOSITORY / "deploy" / "grafana" / "captions.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked = set(re.findall(r"caption_\w+", " ".join(queries)))
    assert asked <= there
    documented = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")
    for name in {re.sub("_(bucket|sum|count|created)$", "", each) for each in there}:
        assert name in documented or name.removesuffix("_total") in documented
