"""Whether there is a captioner yet, and why not."""

import asyncio
import logging
from collections.abc import Callable
from typing import Literal

from service.captioning import Captioner
from service.manifest import ArtifactError
from service.problems import Problem

State = Literal["starting", "ready", "failed"]

_log = logging.getLogger("service")

_DETAILS = {
    "starting": "the model is being loaded; try again in a few seconds",
    "failed": "the model could not be loaded; the server's log says why",
}


class Readiness:
    """Holds the captioner from the moment it can be used."""

    def __init__(self, captioner: Captioner | None = None) -> None:
        self._captioner = captioner
        self.state: State = "ready" if captioner else "starting"

    @property
    def captioner(self) -> Captioner:
        """The captioner. Raises Problem `not_ready`."""
        if self._captioner is None:
            raise Problem("not_ready", _DETAILS[self.state], {"Retry-After": "5"}, state=self.state)
        return self._captioner

    async def load(self, load: Callable[[], Captioner]) -> None:
        """Load a captioner off the event loop; a failure is logged and kept as the state."""
        try:
            self._captioner = await asyncio.to_thread(load)
        except ArtifactError as error:
            self.state = "failed"
            _log.error("cannot load the model: %s", error)
        except Exception:
            self.state = "failed"
            _log.exception("cannot load the model")
        else:
            self.state = "ready"
            manifest = self._captioner.manifest
            device = self._captioner.device
            _log.info("ready: model %s %s on %s", manifest.name, manifest.version, device)
