"""The server: Uvicorn, with deadlines for slow headers and a shutdown that answers first."""

import asyncio
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.settings import Settings

LAST_SECONDS = 5  # for answers that are being sent when the last deadline has passed


class Server(uvicorn.Server):
    """Asked to stop, it takes no more requests, answers those it has, and then closes the port.

    Asked twice, it closes the port at once, as Uvicorn does.
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
                timeout_graceful_shutdown=int(settings.deadline_seconds) + LAST_SECONDS,
            )
        )
        self._app = app
        self._drain_seconds = settings.drain_seconds
        self._drained: float | None = None  # when, by the event loop's clock, the port may close
        self._signals = 0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._signals += 1
        self._app.state.readiness.drain()
        if self._signals > 1:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        if self._signals:
            now = asyncio.get_running_loop().time()
            self._drained = self._drained or now + self._drain_seconds
            if now >= self._drained and not self._app.state.admission.pending:
                self.should_exit = True
        return await super().on_tick(counter)


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
