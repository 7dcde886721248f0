"""The replicas of the model, as the routes see them."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from ray import serve

from service.engine.captions import Captions, Device, Engine, Pixels
from service.engine.manifest import SearchOptions, load_manifest
from service.settings import Settings

MODEL = "Model"  # the deployment's name
COUNTED_SECONDS = 2.0  # for which a number of replicas is believed

_log = logging.getLogger("service")


def running_replicas(application: str) -> int:
    """How many replicas of the model Serve has running."""
    deployments = serve.status().applications[application].deployments
    return int(deployments[MODEL].replica_states.get("RUNNING", 0))


class RemoteCaptioner:
    """One captioner that takes as many batches at a time as replicas are running.

    More would only wait with a replica instead of here, where they could still be joined by
    others.
    """

    def __init__(
        self,
        model: Any,
        application: str,
        settings: Settings,
        running: Callable[[str], int] = running_replicas,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.manifest = load_manifest(settings.model_dir)
        # Waits for the first replica: before, there is nothing to be ready with.
        self.device: Device = model.device.remote().result()
        self.engine: Engine = model.engine.remote().result()
        self.at_once = 1
        self.few_sizes = True  # the replicas may run TensorFlow
        self._model = model
        self._application = application
        self._running = running
        self._clock = clock
        self._counted = -COUNTED_SECONDS
        self._counting: asyncio.Task[None] | None = None

    async def caption(self, images: Pixels, options: SearchOptions) -> Captions:
        now = self._clock()
        if now - self._counted >= COUNTED_SECONDS:
            self._counted = now
            self._counting = asyncio.create_task(self._count())
        captions: Captions = await self._model.caption.remote(images, options)
        return captions

    async def _count(self) -> None:
        """Ask Serve for the number of replicas, beside the batches."""
        try:
            self.at_once = max(1, await asyncio.to_thread(self._running, self._application))
        except Exception as error:  # Ray's own are many; the last number still serves
            _log.warning("cannot count the replicas of the model: %r", error)
