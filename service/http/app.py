"""The application: everything put together, nothing done before it is asked for."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from starlette.formparsers import MultiPartParser
from starlette.middleware.cors import CORSMiddleware

from service import __version__
from service.engine.batching import Batcher
from service.engine.captions import Captioner
from service.engine.decoders import Decoders
from service.engine.errors import ArtifactError
from service.engine.manifest import Manifest, read_manifest
from service.http.access import Access
from service.http.admission import Admission
from service.http.body_limit import BodyLimitMiddleware
from service.http.headers import SecurityHeadersMiddleware
from service.http.metrics import Metrics, MetricsMiddleware
from service.http.openapi import describe
from service.http.problems import PROBLEMS, add_handlers
from service.http.readiness import Readiness
from service.http.request_log import RequestLogMiddleware
from service.http.routes import STATIC, admitted, router
from service.http.unexpected import UnexpectedErrorsMiddleware
from service.http.uploads import UploadMemory
from service.settings import Settings, read_keys

# An upload must not touch the disk, where Starlette puts what is larger than this; 0 is no bound,
# and BodyLimitMiddleware has one.
MultiPartParser.spool_max_size = 0

DESCRIPTION = """Send a photo, get captions.

Every error is `application/problem+json` with a stable `code`, a `detail` that says what to do
and the `request_id`. Uploads are processed in memory and never stored or logged.
"""


def load_model(settings: Settings) -> Captioner:
    from service.engine.load import load_captioner

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
        redirect_slashes=False,  # it would redirect to whatever host the client names
    )
    app.state.settings = settings
    app.state.load = load
    keys = read_keys(settings.api_keys.get_secret_value(), settings.api_keys_file)
    app.state.access = Access(keys)
    app.state.decoders = decoders = Decoders(settings.decoders, settings.max_pixels)
    app.state.admission = admission = Admission(
        settings.max_uploads, settings.max_pending, lambda: decoders.abandoned
    )
    app.state.upload_memory = UploadMemory(settings.upload_memory)
    app.state.readiness = readiness = Readiness(captioner)
    app.state.metrics = metrics = Metrics(PROBLEMS)
    app.state.batcher = batcher = Batcher(
        lambda: readiness.captioner,
        readiness.fail,
        settings.max_batch,
        settings.max_wait_seconds,
        metrics.batches.observe,
    )
    metrics.watch(
        "caption_pending",
        "Requests that are received, wait or are captioned.",
        lambda: admission.pending,
    )
    metrics.watch("caption_queue_photos", "Photos waiting for the model.", lambda: batcher.depth)
    metrics.watch(
        "caption_ready", "Whether requests are taken.", lambda: readiness.state == "ready"
    )
    app.include_router(admitted)
    app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    add_handlers(app)
    describe(app, partial(_manifest, readiness, settings), with_keys=bool(keys))
    app.add_middleware(UnexpectedErrorsMiddleware)
    app.add_middleware(BodyLimitMiddleware, max_bytes=settings.max_bytes)
    if origins := [each.strip() for each in settings.cors_origins.split(",") if each.strip()]:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "X-API-Key", "X-Request-ID"],
            expose_headers=["X-Request-ID", "Retry-After"],
        )
    app.add_middleware(MetricsMiddleware, metrics=metrics)
    app.add_middleware(RequestLogMiddleware)
    app.add_middleware(CorrelationIdMiddleware)
    app.add_middleware(SecurityHeadersMiddleware, documentation=("/docs", "/redoc"))
    if settings.tracing:
        from service.http.tracing import add_tracing  # of an extra

        add_tracing(app, metrics)
    return app


def _manifest(readiness: Readiness, settings: Settings) -> Manifest | None:
    """Of the model that is served or will be, if it can be read."""
    try:
        return readiness.manifest or read_manifest(settings.model_dir)
    except ArtifactError:
        return None


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    readiness: Readiness = app.state.readiness
    async with asyncio.TaskGroup() as tasks:
        load = partial(app.state.load, app.state.settings)
        loading = tasks.create_task(readiness.load(load)) if readiness.state == "starting" else None
        yield
        if loading:
            loading.cancel()
