"""Spans of requests and of their stages, and that they arrive where they are sent."""

import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import ValidationError

from service import settings
from service.http.app import create_app
from service.http.tracing import add_tracing
from service.settings import Settings
from tests.service.conftest import FakeCaptioner, client_of, grey_png, until, upload

pytestmark = pytest.mark.anyio

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
async def traced(
    captioner: FakeCaptioner, exporter: InMemorySpanExporter
) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Settings(), captioner)
    add_tracing(app, app.state.metrics, SimpleSpanProcessor(exporter))
    async with client_of(app) as client:
        yield client


def named(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


async def test_a_photo_has_a_span_for_every_stage_below_that_of_its_request(
    traced: httpx.AsyncClient, exporter: InMemorySpanExporter
) -> None:
    await traced.post("/caption", files=upload(grey_png()))
    spans = named(exporter)
    request = spans.pop("POST /caption")
    assert list(spans) == ["decoding", "queue", "inference"]
    for span in spans.values():
        assert span.parent is not None
        assert span.context.trace_id == request.context.trace_id
    decoding, queue, inference = spans.values()
    assert decoding.end_time == queue.start_time
    assert queue.end_time == inference.start_time
    assert inference.start_time and inference.end_time  # noqa: PT018 - for the types
    assert inference.end_time - inference.start_time == 2_000_000  # the fake captioner's 2 ms


async def test_a_request_goes_on_with_the_trace_of_its_sender(
    traced: httpx.AsyncClient, exporter: InMemorySpanExporter
) -> None:
    await traced.post(
        "/caption",
        files=upload(grey_png()),
        headers={"traceparent": f"00-{TRACE}-{PARENT}-01"},
    )
    for span in named(exporter).values():
        assert f"{span.context.trace_id:032x}" == TRACE


async def test_a_refused_request_has_its_status_and_no_stages(
    traced: httpx.AsyncClient, exporter: InMemorySpanExporter
) -> None:
    await traced.post("/caption", files=upload(b"no photo"))
    spans = named(exporter)
    assert list(spans) == ["POST /caption"]
    attributes = spans["POST /caption"].attributes
    assert attributes is not None
    assert attributes["http.response.status_code"] == 415


async def test_nothing_of_the_client_is_told(
    traced: httpx.AsyncClient, exporter: InMemorySpanExporter
) -> None:
    headers = {"user-agent": "their-browser"}
    await traced.post("/caption?beam_size=2", content=grey_png(), headers=headers)
    attributes = named(exporter)["POST /caption"].attributes
    assert attributes is not None
    assert attributes["url.path"] == "/caption"
    assert not {"client.address", "user_agent.original", "url.query"} & set(attributes)
    assert "their-browser" not in str(dict(attributes))


@pytest.mark.parametrize("path", ["/health", "/health/live", "/metrics", "/static/app.js"])
async def test_probes_leave_no_traces(
    traced: httpx.AsyncClient, exporter: InMemorySpanExporter, path: str
) -> None:
    await traced.get(path)
    assert not exporter.get_finished_spans()


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """A collector on this machine, and the bodies it was sent."""
    bodies: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        yield bodies
        server.shutdown()
        thread.join()


async def test_spans_are_sent_where_the_environment_says(
    collector: list[bytes], captioner: FakeCaptioner
) -> None:
    app = create_app(Settings(tracing=True), captioner)
    async with client_of(app) as client:
        await client.post("/caption", files=upload(grey_png()))
    await until(lambda: b"inference" in b"".join(collector))
    assert b"captions" in b"".join(collector)


def test_without_opentelemetry_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(settings, "find_spec", missing)
    assert Settings().tracing is False
    with pytest.raises(ValidationError, match="install the extra `tracing`"):
        Settings(tracing=True)
