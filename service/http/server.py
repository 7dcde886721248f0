"""The server: Uvicorn, with deadlines for slow headers and a shutdown that answers first."""

import asyncio
import logging
import os
import threading
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.settings import Settings

BROKEN = 4  # exit status: the model broke while it served
LAST_SECONDS = 5  # for answers that are being sent when the last deadline has passed
LOCAL = ("127.0.0.1", "0.0.0.0", "::", "::1")  # noqa: S104 - addresses that this machine has

_log = logging.getLogger("service")


class Server(uvicorn.Server):
    """Asked to stop, it takes no more requests, answers those it has, and then closes the port.

    It does the same when the model has failed: containers that end are restarted, and those that
    are only unhealthy are not, by Docker. Asked twice, it closes the port without a drain; at a
    second Ctrl-C it ends without answering.
    """

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                log_config=None,  # service/logs.py has it
                http=_protocol(settings.receive_seconds),
                ws="none",
                access_log=False,  # RequestLogMiddleware says more
                server_header=False,
                timeout_graceful_shutdown=int(settings.deadline_seconds) + LAST_SECONDS,
            )
        )
        self._app = app
        self._drain_seconds = settings.drain_seconds
        self._drained: float | None = None  # when, by the event loop's clock, the port may close
        self._signals = 0
        self._ending: threading.Timer | None = None
        self._announced = False

    @property
    def exit_status(self) -> int:
        """0 if it was asked to stop, 1 if the model could not be loaded, BROKEN if it broke."""
        readiness = self._app.state.readiness
        if readiness.state != "failed":
            return 0 if self.started else 1
        return BROKEN if readiness.manifest else 1

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._signals += 1
        self._app.state.readiness.drain()
        if self._signals > 1:
            self.should_exit = True  # a Ctrl-C after that makes Uvicorn wait for nothing
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        state = self._app.state.readiness.state
        if state == "ready" and not self._announced:
            self._announced = True
            _log.info("Open %s", url_of(self.config.host, self.config.port))
        failed = state == "failed"
        if failed and not self._ending:
            # A thread that hangs with the model would keep the process from ending.
            self._ending = threading.Timer(self.config.timeout_graceful_shutdown or 0, _end)
            self._ending.daemon = True
            self._ending.start()
        if self._signals or failed:
            now = asyncio.get_running_loop().time()
            self._drained = self._drained or now + self._drain_seconds
            if now >= self._drained and not self._app.state.admission.pending:
                self.should_exit = True
        return await super().on_tick(counter)


def url_of(host: str, port: int) -> str:
    """Where a browser on this machine finds a server that listens on an address."""
    if host in LOCAL:
        host = "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _protocol(seconds: float) -> type[H11Protocol]:
    """HTTP whose requests' headers must arrive within some seconds of their first byte.

    Uvicorn itself waits for them without end.
    """

    class Protocol(H11Protocol):
        slow: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self.slow = self.loop.call_later(seconds, self.transport.close)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            waiting = self.cycle is None or self.cycle.response_complete
            if not waiting:
                self._in_time()
            elif self.slow is None:
                self.slow = self.loop.call_later(seconds, self.transport.close)

        def connection_lost(self, exc: Exception | None) -> None:
            self._in_time()
            super().connection_lost(exc)

        def _in_time(self) -> None:
            if self.slow:
                self.slow.cancel()
                self.slow = None

    return Protocol


def _end() -> None:
    os._exit(BROKEN)
