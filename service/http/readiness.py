"""Whether there is a captioner yet, and why not."""

import asyncio
import logging
from collections.abc import Callable
from typing import Literal

from service.engine.captions import Captioner
from service.engine.errors import ArtifactError, DeviceError
from service.engine.manifest import Manifest
from service.http.problems import Problem

State = Literal["starting", "ready", "draining", "failed"]

_log = logging.getLogger("service")

_DETAILS = {
    "starting": "the model is being loaded; try again in a few seconds",
    "draining": "the server is stopping; send the request to another one",
    "failed": "the model cannot be used; the server's log says why",
}


class Readiness:
    """Holds the captioner from the moment it can be used."""

    def __init__(self, captioner: Captioner | None = None) -> None:
        self._captioner = captioner
        self.state: State = "ready" if captioner else "starting"

    @property
    def captioner(self) -> Captioner:
        """The captioner, once there is one. Raises Problem `not_ready`."""
        if self._captioner is None:
            raise self._problem()
        return self._captioner

    @property
    def manifest(self) -> Manifest | None:
        """Of the captioner, if there is one."""
        return self._captioner.manifest if self._captioner else None

    def check(self) -> None:
        """Whether new requests are taken. Raises Problem `not_ready` if not."""
        if self.state != "ready":
            raise self._problem()

    def _problem(self) -> Problem:
        return Problem("not_ready", _DETAILS[self.state], {"Retry-After": "5"}, state=self.state)

    def drain(self) -> None:
        """Take no more requests; those accepted are answered."""
        if self.state != "failed":
            self.state = "draining"

    def fail(self, why: str) -> None:
        """The model was loaded, but cannot be used any more."""
        if self.state != "failed":
            self.state = "failed"
            _log.critical("%s; only a restart fixes it", why)

    async def load(self, load: Callable[[], Captioner]) -> None:
        """Load a captioner off the event loop; a failure is logged and kept as the state."""
        try:
            self._captioner = await asyncio.to_thread(load)
        except (ArtifactError, DeviceError) as error:
            self.state = "failed"
            _log.error("cannot load the model: %s", error)
        except Exception:
            self.state = "failed"
            _log.exception("cannot load the model")
        else:
            if self.state == "starting":
                self.state = "ready"
            loaded, manifest = self._captioner, self._captioner.manifest
            _log.info(
                "ready: model %s %s in %s on %s",
                *(manifest.name, manifest.version, loaded.engine, loaded.device),
            )
