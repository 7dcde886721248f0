"""The same routes in front of replicas of the captioner, on Ray Serve.

`serve run deploy.ray.serving:application` on a cluster of any size; settings are the same
CAPTION_* environment variables, and those of `scale.py`.
"""

from functools import partial
from typing import Any

from fastapi import FastAPI
from ray import serve

from deploy.ray.scale import Scale
from service.app import create_app
from service.captioning import Captions, Device, Pixels
from service.manifest import SearchOptions, load_manifest
from service.settings import Settings

ANSWERING = 1000  # requests at a time; admission, not Ray, refuses those that are too many


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

    def __init__(self, model: Any, settings: Settings) -> None:
        self._model = model
        self.manifest = load_manifest(settings.model_dir)
        # Waits for the first replica: before, there is nothing to be ready with.
        self.device: Device = model.device.remote().result()
        self.at_once = Scale().max_replicas

    async def caption(self, images: Pixels, options: SearchOptions) -> Captions:
        captions: Captions = await self._model.caption.remote(images, options)
        return captions


def routes() -> FastAPI:
    """Built anew in every replica of the routes: nothing of it is sent between processes."""
    model = serve.get_deployment_handle("Model")
    return create_app(load=partial(RemoteCaptioner, model))


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
