"""The application: everything put together, nothing done before it is asked for."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial

from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from starlette.formparsers import MultiPartParser
from starlette.middleware.cors import CORSMiddleware

from service import __version__
from service.access import Access, read_keys
from service.admission import Admission
from service.batching import Batcher
from service.body_limit import BodyLimitMiddleware
from service.captioning import Captioner
from service.headers import SecurityHeadersMiddleware
from service.metrics import Metrics, MetricsMiddleware
from service.problems import add_handlers
from service.readiness import Readiness
from service.routes import STATIC, admitted, router
from service.settings import Settings

# An upload must not touch the disk, where Starlette puts what is larger than this; 0 is no bound,
# and BodyLimitMiddleware has one.
MultiPartParser.spool_max_size = 0

DESCRIPTION = """Send a photo, get captions.

Every error is `application/problem+json` with a stable `code`, a `detail` that says what to do
and the `request_id`. Uploads are processed in memory and never stored or logged.
"""


def load_model(settings: Settings) -> Captioner:
    from service.captioner import load_captioner

    captioner = load_captioner(settings)
    # A collection that walks over what a model consists of stops everything for 0.2 s.
    gc.freeze()
    return captioner


def create_app(
    settings: Settings | None = None,
    captioner: Captioner | None = None,
    load: Callable[[Settings], Captioner] = load_model,
) -> FastAPI:
    """The service. Without a captioner it loads one, in a thread, once it runs."""
    settings = settings or Settings()
    # FastAPI with the assets of /docs and /redoc on board, so that they ask no other host.
    app = FastAPIOffline(
        title="Photo captioning service",
        description=DESCRIPTION,
        version=__version__,
        lifespan=_lifespan,
    )
    app.state.settings = settings
    app.state.load = load
    keys = read_keys(settings.api_keys.get_secret_value(), settings.api_keys_file)
    app.state.access = Access(keys)
    app.state.admission = admission = Admission(settings.max_pending)
    app.state.readiness = readiness = Readiness(captioner)
    app.state.metrics = metrics = Metrics()
    app.state.batcher = batcher = Batcher(
        lambda: readiness.captioner,
        readiness.fail,
        settings.max_batch,
        settings.max_wait_seconds,
        metrics.batches.observe,
    )
    metrics.watch("caption_pending", "Requests that have a place.", lambda: admission.pending)
    metrics.watch("caption_queue_photos", "Photos waiting for the model.", lambda: batcher.depth)
    metrics.watch(
        "caption_ready", "Whether requests are taken.", lambda: readiness.state == "ready"
    )
    # No more photos are unpacked at a time than there are processors to do it.
    app.state.decoders = ThreadPoolExecutor(settings.threads, "decoding")
    app.include_router(admitted)
    app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    add_handlers(app)
    app.add_middleware(BodyLimitMiddleware, max_bytes=settings.max_bytes)
    if origins := [each.strip() for each in settings.cors_origins.split(",") if each.strip()]:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "X-API-Key"],
            expose_headers=["X-Request-ID", "Retry-After"],
        )
    app.add_middleware(MetricsMiddleware, metrics=metrics)
    app.add_middleware(CorrelationIdMiddleware)
    app.add_middleware(SecurityHeadersMiddleware, documentation=("/docs", "/redoc"))
    if settings.tracing:
        from service.tracing import add_tracing  # of an extra

        add_tracing(app, metrics)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    readiness: Readiness = app.state.readiness
    async with asyncio.TaskGroup() as tasks:
        load = partial(app.state.load, app.state.settings)
        loading = tasks.create_task(readiness.load(load)) if readiness.state == "starting" else None
        yield
        if loading:
            loading.cancel()
