"""What Prometheus is told of the service."""

import time
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
CAPTION = "/caption"
CODE = "problem_code"  # in a request's scope: why it was refused


class Metrics:
    """One application's own instruments."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
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
