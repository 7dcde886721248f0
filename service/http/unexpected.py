"""Unexpected errors, which get an answer like every other problem."""

import logging

from asgi_correlation_id import correlation_id
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.http.metrics import CODE
from service.http.problems import Problem

_log = logging.getLogger("service")


class UnexpectedErrorsMiddleware:
    """Answer 500 inside the other middleware, so that its headers are added to this answer too.

    Starlette's own does it outside of all.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception:
            if started or scope["type"] != "http":
                raise
            _log.exception("request %s failed", correlation_id.get())
            scope[CODE] = "internal_error"
            problem = Problem(
                "internal_error", "the error was logged; quote the request id when you report it"
            )
            await problem.response()(scope, receive, send)
