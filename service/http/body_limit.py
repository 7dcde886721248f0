"""A bound on request bodies, announced or streamed."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.http.metrics import CODE
from service.http.uploads import too_many_bytes
from service.settings import FORM_BYTES


class BodyLimitMiddleware:
    """Refuse a body as soon as it is known to be too large.

    FastAPI's own limit answers in plain text if Content-Length is known, in JSON if not.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.limit = max_bytes + FORM_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        too_many_digits = len(announced) > len(str(self.limit))
        if announced.isdecimal() and (too_many_digits or int(announced) > self.limit):
            problem = too_many_bytes(self.max_bytes)
            scope[CODE] = problem.code
            await problem.response()(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.limit:
                raise too_many_bytes(self.max_bytes)
            return message

        await self.app(scope, counted, send)
