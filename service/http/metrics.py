"""The service's metrics, for Prometheus."""

import time
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import __version__

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
CAPTION = "/caption"
CODE = "problem_code"  # in a request's scope: why it was refused


class Metrics:
    """One application's own instruments."""

    def __init__(self, codes: Iterable[str] = ()) -> None:
        """`codes` are those of the problems, which are counted from 0 on."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        Info("caption_build", "The service's version.", registry=self.registry).info(
            {"version": __version__}
        )
        self.requests = Counter(
            "caption_requests",
            "Requests for captions by outcome: ok, a problem's code, or client_gone.",
            ["outcome"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "caption_request_seconds",
            "From a request's arrival to the end of its answer, by outcome.",
            ["outcome"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.stages = Histogram(
            "caption_stage_seconds",
            "Of captioned photos by stage: decoding, queue, inference.",
            ["stage"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.batches = Histogram(
            "caption_batch_photos",
            "Photos captioned together.",
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=self.registry,
        )

        # A counter that appears with its first error looks to Prometheus as if there was none.
        for outcome in ("ok", "client_gone", *codes):
            self.requests.labels(outcome)
        self.on_stages: Callable[[Mapping[str, float]], None] | None = None

    def observe_stages(self, seconds: Mapping[str, float]) -> None:
        """The time of one captioned photo by stage, in their order."""
        for stage, each in seconds.items():
            self.stages.labels(stage).observe(each)
        if self.on_stages:
            self.on_stages(seconds)

    def watch(self, name: str, what: str, value: Callable[[], float]) -> None:
        """A gauge that is read when Prometheus asks."""
        Gauge(name, what, registry=self.registry).set_function(value)


class MetricsMiddleware:
    """Count the requests for captions."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != CAPTION or scope["method"] == "OPTIONS":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except BaseException:
            scope[CODE] = "internal_error"
            raise
        finally:
            outcome = "ok" if status == 200 else scope.get(CODE, "client_gone")
            self.metrics.requests.labels(outcome).inc()
            self.metrics.seconds.labels(outcome).observe(time.perf_counter() - started)
