"""The same routes in front of replicas of the captioner, on Ray Serve.

`serve run deploy.ray.serving:application` on a cluster of any size, with the fields of `scale.py`
as arguments. The CAPTION_* variables are read once, where the application is built, and sent to
the replicas: Ray does not give these the environment of the process that deploys.
"""

from functools import partial
from typing import Any

from fastapi import FastAPI
from ray import serve

from deploy.ray.remote import MODEL, RemoteCaptioner
from deploy.ray.scale import Scale
from deploy.ray.watch import Watch
from service.engine.captions import Captions, Device, Engine, Pixels
from service.engine.manifest import SearchOptions
from service.http.app import create_app, load_model
from service.settings import Settings

ANSWERING = 1000  # requests at a time; admission, not Ray, refuses those that are too many
BUSY = 0.7  # share of the time that replicas are busy, above which there are more of them


@serve.deployment(name=MODEL, max_ongoing_requests=1)  # the model computes one batch at a time
class Model:
    """One replica: a captioner in a process of its own."""

    def __init__(self, settings: Settings) -> None:
        self._captioner = load_model(settings)
        self._watch = Watch()

    async def caption(self, images: Pixels, options: SearchOptions) -> Captions:
        with self._watch:
            return await self._captioner.caption(images, options)

    def device(self) -> Device:
        return self._captioner.device

    def engine(self) -> Engine:
        return self._captioner.engine

    def check_health(self) -> None:
        """Raises RuntimeError if the model is broken; Serve then starts another replica."""
        self._watch.check()


@serve.deployment(max_ongoing_requests=ANSWERING)
@serve.ingress()
class Routes:
    """The application, which has the replicas of the model for its captioner."""

    def __init__(self, settings: Settings, model: Any) -> None:
        application = serve.get_replica_context().app_name
        load = partial(RemoteCaptioner, model, application)
        self._application = create_app(settings, load=load)

    def __serve_build_asgi_app__(self) -> FastAPI:
        return self._application

    def check_health(self) -> None:
        """Raises RuntimeError if the routes gave the model up; Serve then starts others."""
        if self._application.state.readiness.state == "failed":
            raise RuntimeError("the model cannot be used; the log says why")


def application(scale: Scale) -> serve.Application:
    """What `serve run` deploys, with the settings of this process's environment."""
    # This machine may have more processors than a replica gets, or fewer.
    settings = Settings().model_copy(update={"threads": scale.cpus})
    model = Model.options(  # type: ignore[attr-defined]
        ray_actor_options={"num_cpus": scale.cpus, "num_gpus": scale.gpus},
        autoscaling_config={
            "min_replicas": scale.min_replicas,
            "max_replicas": scale.max_replicas,
            # A replica has one request at most, so that this is the share of time it is busy.
            "target_ongoing_requests": BUSY,
        },
    )
    routes: serve.Application = Routes.bind(settings, model.bind(settings))  # type: ignore[attr-defined]
    return routes
