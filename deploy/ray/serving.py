"""The same routes in front of replicas of the captioner, on Ray Serve.

`serve run deploy.ray.serving:application` on a cluster of any size; settings are the same
CAPTION_* environment variables, and RAY_* of the class below.
"""

from typing import Any

from fastapi import FastAPI
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from ray import serve

from service.app import create_app
from service.captioning import Captions, Device, Pixels
from service.manifest import SearchOptions, load_manifest
from service.settings import Settings

ANSWERING = 1000  # requests at a time; admission, not Ray, refuses those that are too many


class Scale(BaseSettings):
    """How many replicas of the model there are."""

    model_config = SettingsConfigDict(env_prefix="CAPTION_RAY_", frozen=True)

    min_replicas: int = Field(1, ge=1)
    max_replicas: int = Field(4, ge=1)
    gpus: float = Field(0, ge=0, description="Of each replica.")


@serve.deployment
class Model:
    """One replica: a captioner in a process of its own."""

    def __init__(self) -> None:
        from service.captioner import load_captioner

        self._captioner = load_captioner(Settings())

    async def caption(self, images: Pixels, options: SearchOptions) -> Captions:
        return await self._captioner.caption(images, options)

    def device(self) -> Device:
        return self._captioner.device


class RemoteCaptioner:
    """The replicas, as the routes see them: one captioner that takes several batches at a time."""

    device: Device

    def __init__(self, model: Any, scale: Scale) -> None:
        self._model = model
        self.manifest = load_manifest(Settings().model_dir)
        self.device = "GPU" if scale.gpus else "CPU"
        self.at_once = scale.max_replicas

    async def caption(self, images: Pixels, options: SearchOptions) -> Captions:
        captions: Captions = await self._model.caption.remote(images, options)
        return captions


def routes() -> FastAPI:
    """Built anew in every replica of the routes: nothing of it is sent between processes."""
    model = serve.get_deployment_handle("Model")
    return create_app(Settings(), RemoteCaptioner(model, Scale()))


@serve.deployment(max_ongoing_requests=ANSWERING)
@serve.ingress(routes)
class Routes:
    def __init__(self, model: Any) -> None:
        """Takes the model only so that it is deployed too; the routes ask for it by name."""


def build(scale: Scale | None = None) -> serve.Application:
    scale = scale or Scale()
    model = Model.options(  # type: ignore[attr-defined]
        max_ongoing_requests=2,  # the next batch is there when one is done
        ray_actor_options={"num_cpus": Settings().threads, "num_gpus": scale.gpus},
        autoscaling_config={
            "min_replicas": scale.min_replicas,
            "max_replicas": scale.max_replicas,
            "target_ongoing_requests": 1,
        },
    )
    application: serve.Application = Routes.bind(model.bind())  # type: ignore[attr-defined]
    return application


application = build()
