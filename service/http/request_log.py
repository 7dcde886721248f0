"""A log line for every request."""

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.http.metrics import CODE

QUIET = ("/health", "/metrics", "/static")  # asked all the time, by probes and by the page

_log = logging.getLogger("service.requests")


class RequestLogMiddleware:
    """Log method, path, status, duration and a problem's code; nothing of the photo or a key."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, receive, watched)
        finally:
            milliseconds = round(1000 * (time.perf_counter() - started), 1)
            method, path, code = scope["method"], scope["path"], scope.get(CODE)
            level = logging.DEBUG if path.startswith(QUIET) and status < 500 else logging.INFO
            # As a Python literal, a path cannot end the line and begin another.
            line = f"{method} {ascii(path)[1:-1]} {status} in {milliseconds} ms"
            _log.log(
                level,
                "%s, %s" if code else "%s%s",
                line,
                code or "",
                extra={
                    "method": method,
                    "path": path,
                    "status": status,
                    "milliseconds": milliseconds,
                    "code": code,
                },
            )
