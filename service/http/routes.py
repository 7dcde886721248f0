"""The paths of the API and the page."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from asgi_correlation_id import correlation_id
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from service.engine.batching import Batcher
from service.engine.decoders import Decoders
from service.engine.manifest import MODEL_CARD
from service.http.admission import Admission, AdmittedRoute
from service.http.examples import recorded
from service.http.media import prefers_text
from service.http.metrics import Metrics
from service.http.model_card import as_html
from service.http.options import parse
from service.http.problems import PROBLEMS, Problem, documented
from service.http.readiness import Readiness
from service.http.schemas import CaptionResponse, Health, Life, ModelInfo, ServedModel
from service.http.uploads import Upload
from service.settings import Settings

OF_OTHER_PATHS = ("not_found", "method_not_allowed")
STATIC = Path(__file__).parent.parent / "static"

router = APIRouter()
admitted = APIRouter(route_class=AdmittedRoute)


def _held(name: str) -> Callable[[Request], Any]:
    """A dependency on what `create_app` put into the application's state."""

    def held(request: Request) -> Any:
        return getattr(request.app.state, name)

    return held


def _answers(name: str) -> dict[int | str, dict[str, Any]]:
    """How the OpenAPI document describes a path that needs the model."""
    return recorded(name) | documented("not_ready")


CurrentSettings = Annotated[Settings, Depends(_held("settings"))]
CurrentAdmission = Annotated[Admission, Depends(_held("admission"))]
CurrentBatcher = Annotated[Batcher, Depends(_held("batcher"))]
CurrentMetrics = Annotated[Metrics, Depends(_held("metrics"))]
CurrentReadiness = Annotated[Readiness, Depends(_held("readiness"))]
CurrentDecoders = Annotated[Decoders, Depends(_held("decoders"))]


@admitted.post(
    "/caption",
    operation_id="caption",
    summary="Caption a photo",
    tags=["Captions"],
    responses=recorded("caption", "caption_with_attention", text=True)
    | documented(*(code for code in PROBLEMS if code not in OF_OTHER_PATHS)),
    response_model=CaptionResponse,
    response_model_exclude_unset=True,
)
async def caption(
    request: Request,
    readiness: CurrentReadiness,
    batcher: CurrentBatcher,
    metrics: CurrentMetrics,
    decoders: CurrentDecoders,
) -> CaptionResponse | PlainTextResponse:
    """Caption one photo, sent in a form or as the body itself.

    The photo is turned upright by its EXIF orientation, transparency is laid on white, and of an
    animation the first frame is used. Options left out take the model's defaults, which were
    tuned on its development set. With `Accept: text/plain` the answer is the caption alone.
    Nothing of the photo is kept.
    """
    upload: Upload = request.state.upload
    manifest = readiness.captioner.manifest
    options, attention = parse(upload.options, manifest)
    started = time.perf_counter()
    photo = await decoders.decode(upload.take(), manifest.input)
    upload.free()
    decoding_seconds = time.perf_counter() - started
    found = await batcher.caption(photo.pixels, options, request.state.deadline)
    metrics.observe_stages(
        {
            "decoding": decoding_seconds,
            "queue": found.queue_seconds,
            "inference": found.inference_seconds,
        }
    )
    if prefers_text(request.headers.get("accept", "")):
        return PlainTextResponse(found.beams[0][0].text + "\n")
    return CaptionResponse.of(
        photo, found, options, manifest, decoding_seconds, correlation_id.get(), attention
    )


@router.head("/health/ready", include_in_schema=False)
@router.get(
    "/health/ready",
    operation_id="ready",
    summary="Readiness check, as /health",
    tags=["Operation"],
    responses=_answers("health"),
)
@router.head("/health", include_in_schema=False)
@router.get(
    "/health",
    operation_id="health",
    summary="Readiness check",
    tags=["Operation"],
    responses=_answers("health"),
)
async def health(readiness: CurrentReadiness, admission: CurrentAdmission) -> Health:
    """200 while requests are accepted; 503 with the `state` while starting, draining or failed."""
    readiness.check()
    captioner = readiness.captioner
    return Health(
        state="busy" if admission.is_full else "ready",
        model=ModelInfo.of(captioner.manifest),
        device=captioner.device,
        engine=captioner.engine,
    )


@router.head("/health/live", include_in_schema=False)
@router.get(
    "/health/live",
    operation_id="live",
    summary="Liveness check",
    tags=["Operation"],
    responses=_answers("live"),
)
async def live(readiness: CurrentReadiness) -> Life:
    """200 unless the model cannot be used; only a restart fixes that."""
    if readiness.state == "failed":
        readiness.check()
    return Life(state=readiness.state)


@router.head("/model", include_in_schema=False)
@router.get(
    "/model",
    operation_id="model",
    summary="The model",
    tags=["Model"],
    responses=_answers("model"),
    response_model_exclude_unset=True,
)
async def model(readiness: CurrentReadiness) -> ServedModel:
    """The manifest of the model: what it takes, how good it is, where it came from."""
    captioner = readiness.captioner
    return ServedModel(engine=captioner.engine, **captioner.manifest.model_dump(exclude_unset=True))


@router.get(
    "/model/card",
    operation_id="model_card",
    summary="The model's card",
    tags=["Model"],
    response_class=HTMLResponse,
    responses=documented("not_found"),
)
def model_card(settings: CurrentSettings) -> HTMLResponse:
    """What the model is, and what it gets wrong: its card, as HTML to be shown within a page."""
    try:
        card = (settings.model_dir / MODEL_CARD).read_text(encoding="utf-8")
    except OSError:
        raise Problem("not_found", f"this model has no {MODEL_CARD}") from None
    return HTMLResponse(as_html(card))


@router.get("/metrics", include_in_schema=False)
async def prometheus(metrics: CurrentMetrics) -> Response:
    """Counters and gauges in Prometheus's text format."""
    return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)


@router.head("/", include_in_schema=False)
@router.get("/", include_in_schema=False)
async def page() -> FileResponse:
    """The page on which a person drops a photo."""
    return FileResponse(STATIC / "index.html")
