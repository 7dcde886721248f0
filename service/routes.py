"""The paths of the API and the page."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Annotated, Any

from asgi_correlation_id import correlation_id
from fastapi import APIRouter, Depends, File, Form, Request, Response, UploadFile
from fastapi.responses import FileResponse, HTMLResponse
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from service.admission import Admission, AdmittedRoute
from service.batching import Batcher
from service.body_limit import too_many_bytes
from service.examples import recorded
from service.images import decode
from service.manifest import MODEL_CARD, Manifest, OptionError
from service.metrics import Metrics
from service.model_card import as_html
from service.problems import PROBLEMS, Problem, documented, too_many_images
from service.readiness import Readiness
from service.schemas import CaptionResponse, Health, Life, ModelInfo
from service.settings import Settings

OF_OTHER_PATHS = ("not_found", "method_not_allowed")
STATIC = Path(__file__).parent / "static"

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
CurrentDecoders = Annotated[Executor, Depends(_held("decoders"))]


async def _one_image(
    request: Request,
    settings: CurrentSettings,
    image: Annotated[UploadFile, File(description="The photo. Its name and type are ignored.")],
) -> bytes:
    """The uploaded file's bytes. Raises Problem."""
    if len((await request.form()).getlist("image")) > 1:
        raise too_many_images()
    data = await image.read()
    if len(data) > settings.max_bytes:
        raise too_many_bytes(settings.max_bytes)
    return data


@admitted.post(
    "/caption",
    operation_id="caption",
    summary="Caption a photo",
    responses=recorded("caption", "caption_with_attention")
    | documented(*(code for code in PROBLEMS if code not in OF_OTHER_PATHS)),
    response_model_exclude_unset=True,
)
async def caption(
    request: Request,
    data: Annotated[bytes, Depends(_one_image)],
    settings: CurrentSettings,
    readiness: CurrentReadiness,
    batcher: CurrentBatcher,
    metrics: CurrentMetrics,
    decoders: CurrentDecoders,
    beam_size: Annotated[
        int | None, Form(ge=1, le=10, description="Captions searched for and returned.")
    ] = None,
    max_length: Annotated[
        int | None, Form(ge=1, le=30, description="Most words in a caption.")
    ] = None,
    length_penalty: Annotated[
        float | None,
        Form(ge=0, le=2, description="0 ranks by probability; more favours longer captions."),
    ] = None,
    attention: Annotated[
        bool, Form(description="Whether to tell where the model looked for each word.")
    ] = False,
) -> CaptionResponse:
    """Caption one photo.

    The photo is turned upright by its EXIF orientation, transparency is laid on white, and of an
    animation the first frame is used. Options left out take the model's defaults, which were
    tuned on its development set. Nothing of the photo is kept.
    """
    manifest = readiness.captioner.manifest
    try:
        options = manifest.options(
            beam_size=beam_size, max_length=max_length, length_penalty=length_penalty
        )
    except OptionError as error:
        raise Problem("invalid_option", str(error)) from None
    started = time.perf_counter()
    photo = await asyncio.get_running_loop().run_in_executor(
        decoders, decode, data, manifest.input, settings.max_pixels
    )
    decoding_seconds = time.perf_counter() - started
    found = await batcher.caption(photo.pixels, options, request.state.deadline)
    metrics.observe_stages(
        {
            "decoding": decoding_seconds,
            "queue": found.queue_seconds,
            "inference": found.inference_seconds,
        }
    )
    return CaptionResponse.of(
        photo, found, options, manifest, decoding_seconds, correlation_id.get(), attention
    )


@router.head("/health", include_in_schema=False)
@router.get(
    "/health",
    operation_id="health",
    summary="Is it ready?",
    responses=_answers("health"),
)
@router.get(
    "/health/ready",
    operation_id="ready",
    summary="The same",
    responses=_answers("health"),
)
async def health(readiness: CurrentReadiness, admission: CurrentAdmission) -> Health:
    """200 when captions can be had; 503 with the `state` while starting, draining or failed."""
    readiness.check()
    captioner = readiness.captioner
    return Health(
        state="busy" if admission.is_full else "ready",
        model=ModelInfo.of(captioner.manifest),
        device=captioner.device,
    )


@router.get(
    "/health/live",
    operation_id="live",
    summary="Need it be restarted?",
    responses=_answers("live"),
)
async def live(readiness: CurrentReadiness) -> Life:
    """200 unless the model cannot be used, which only a new start can mend."""
    if readiness.state == "failed":
        readiness.check()
    return Life(state=readiness.state)


@router.get(
    "/model",
    operation_id="model",
    summary="The model",
    responses=_answers("model"),
)
async def model(readiness: CurrentReadiness) -> Manifest:
    """The manifest of the model: what it takes, how good it is, where it came from."""
    return readiness.captioner.manifest


@router.get(
    "/model/card",
    operation_id="model_card",
    summary="The model's card",
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
