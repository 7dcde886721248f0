"""The same routes in front of replicas of the captioner, on Ray Serve.

`serve run deploy.ray.serving:application` on a cluster of any size, with the fields of `scale.py`
as arguments. The CAPTION_* variables are read once, where the application is built, and sent to
the replicas: Ray does not give these the environment of the process that deploys.
"""

from functools import partial
from typing import Any

from fastapi import FastAPI
from pydantic import SecretStr
from ray import serve

from deploy.ray.remote import MODEL, RemoteCaptioner
from deploy.ray.scale import Scale
from deploy.ray.watch import Watch
from service.engine.captions import Captions, Device, Engine, Pixels
from service.engine.manifest import SearchOptions
from service.http.app import create_app, load_model
from service.http.server import LAST_SECONDS
from service.logs import configure_logging
from service.settings import Settings, read_keys

ANSWERING = 1000  # requests at a time; admission, not Ray, refuses those that are too many
BUSY = 0.7  # share of the time that replicas are busy, above which there are more of them


@serve.deployment(name=MODEL, max_ongoing_requests=1)  # the model computes one batch at a time
class Model:
    """One replica: a captioner in a process of its own."""

    def __init__(self, settings: Settings) -> None:
        configure_logging(settings)
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
        configure_logging(settings)
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
    settings = _for_all_machines(Settings(), scale)
    # Ray's own 20 seconds may be fewer than what an accepted request may take.
    patience = settings.receive_seconds + settings.deadline_seconds + LAST_SECONDS
    model = Model.options(  # type: ignore[attr-defined]
        graceful_shutdown_timeout_s=patience,
        ray_actor_options={"num_cpus": scale.cpus, "num_gpus": scale.gpus},
        autoscaling_config={
            "min_replicas": scale.min_replicas,
            "max_replicas": scale.max_replicas,
            # A replica has one request at most, so that this is the share of time it is busy.
            "target_ongoing_requests": BUSY,
        },
    )
    routes = Routes.options(graceful_shutdown_timeout_s=patience)  # type: ignore[attr-defined]
    bound: serve.Application = routes.bind(settings, model.bind(settings))
    return bound


def _for_all_machines(settings: Settings, scale: Scale) -> Settings:
    """Settings that hold on every machine of a cluster."""
    keys = read_keys(settings.api_keys.get_secret_value(), settings.api_keys_file)
    return settings.model_copy(
        update={
            # This machine may have more processors than a replica gets, or fewer.
            "threads": scale.cpus,
            # The others may not have the file.
            "api_keys": SecretStr(",".join(sorted(keys))),
            "api_keys_file": None,
        }
    )
