"""Headers that keep a browser from doing more than the page needs."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_STRICT = (
    "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
# Swagger UI and ReDoc bring inline scripts and styles, and ReDoc a logo from another host, which
# this keeps the browser from asking for.
_DOCUMENTATION = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)

PROTECTION = {
    "Content-Security-Policy": _STRICT,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
# Without it browsers keep files for a tenth of their age: after an upgrade a page of old files, or
# of both. They ask instead, and the ETag answers.
FRESH = "no-cache"


class SecurityHeadersMiddleware:
    """Add a content security policy and its companions to every answer."""

    def __init__(self, app: ASGIApp, documentation: tuple[str, ...]) -> None:
        self.app = app
        self.documentation = documentation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        added = dict(PROTECTION)
        if scope["path"].startswith(self.documentation):
            added["Content-Security-Policy"] = _DOCUMENTATION

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(added)
                headers.setdefault("Cache-Control", FRESH)
            await send(message)

        await self.app(scope, receive, with_headers)
