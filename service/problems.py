"""Errors as RFC 9457 `application/problem+json`, each with a stable code."""

import logging
from typing import Any

from asgi_correlation_id import correlation_id
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from service.examples import DETAILS, RECORDED
from service.headers import PROTECTION
from service.images import ImageError
from service.metrics import CODE

MEDIA_TYPE = "application/problem+json"

# code -> (status, title)
PROBLEMS: dict[str, tuple[int, str]] = {
    "malformed_request": (400, "The request cannot be parsed"),
    "unauthorized": (401, "This needs an API key"),
    "not_found": (404, "There is nothing at this path"),
    "method_not_allowed": (405, "This path does not take this method"),
    "body_too_slow": (408, "The upload took too long"),
    "too_many_bytes": (413, "The image file is too large"),
    "too_many_pixels": (413, "The image has too many pixels"),
    "not_an_image": (415, "The file is not an image"),
    "unsupported_format": (415, "Images of this format are not supported"),
    "image_missing": (422, "There is no image in the request"),
    "image_empty": (422, "The image file is empty"),
    "image_truncated": (422, "The image is truncated or damaged"),
    "too_many_images": (422, "There is more than one image in the request"),
    "invalid_option": (422, "An option is out of range"),
    "internal_error": (500, "Something went wrong on our side"),
    "overloaded": (503, "Too many requests are waiting"),
    "not_ready": (503, "The model is not ready"),
    "deadline_exceeded": (504, "There was no answer in time"),
}

# The OpenAPI document's schema of every error answer.
SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457 problem details.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What happened and what to do."},
        "code": {"type": "string", "enum": list(PROBLEMS), "description": "For programs."},
        "request_id": {"type": ["string", "null"]},
    },
}

_BY_STATUS = {400: "malformed_request", 404: "not_found", 405: "method_not_allowed"}

_log = logging.getLogger("service")


class Problem(HTTPException):
    """An error answer; `extra` members are added to the body."""

    def __init__(
        self, code: str, detail: str, headers: dict[str, str] | None = None, **extra: Any
    ) -> None:
        super().__init__(PROBLEMS[code][0], detail, headers)
        self.code = code
        self.extra = extra

    def body(self, request_id: str | None) -> dict[str, Any]:
        return {
            "type": "about:blank",
            "title": PROBLEMS[self.code][1],
            "status": self.status_code,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
            **self.extra,
        }

    def response(self) -> JSONResponse:
        body = self.body(correlation_id.get())
        return JSONResponse(body, self.status_code, self.headers, MEDIA_TYPE)


def too_many_images() -> Problem:
    return Problem("too_many_images", "send one image a request")


def documented(*codes: str) -> dict[int | str, dict[str, Any]]:
    """How the OpenAPI document describes a route's error answers."""
    by_status: dict[int | str, list[str]] = {}
    for code in codes:
        by_status.setdefault(PROBLEMS[code][0], []).append(code)
    return {
        status: {
            "description": "; ".join(f"`{code}`: {PROBLEMS[code][1]}" for code in alike),
            "content": {
                MEDIA_TYPE: {
                    "schema": SCHEMA,
                    "examples": {code: {"value": _example(code)} for code in alike},
                }
            },
        }
        for status, alike in by_status.items()
    }


def _example(code: str) -> dict[str, Any]:
    problem = Problem(code, DETAILS[code])
    if code == "not_ready":
        problem.extra["state"] = "starting"
    return problem.body(RECORDED["caption"]["request_id"])


def add_handlers(app: FastAPI) -> None:
    """Turn everything that can go wrong in a request into a problem."""

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        if isinstance(error, Problem):
            return _answer(request, error)
        code = _BY_STATUS.get(error.status_code, "malformed_request")
        problem = Problem(code, str(error.detail), dict(error.headers or {}))
        problem.status_code = error.status_code
        return _answer(request, problem)

    @app.exception_handler(ImageError)
    async def image(request: Request, error: ImageError) -> JSONResponse:
        return _answer(request, Problem(error.code, str(error)))

    @app.exception_handler(RequestValidationError)
    async def validation(request: Request, error: RequestValidationError) -> JSONResponse:
        return _answer(request, _invalid(error))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        # The server logs the error itself; this line ties it to the request.
        _log.error("request %s failed: %r", correlation_id.get(), error)
        detail = "the error was logged; quote the request id when you report it"
        # This answer is made outside the middleware that adds these to every other one.
        headers = PROTECTION | {"X-Request-ID": correlation_id.get() or ""}
        return Problem("internal_error", detail, headers).response()


def _answer(request: Request, problem: Problem) -> JSONResponse:
    request.scope[CODE] = problem.code
    return problem.response()


def _invalid(error: RequestValidationError) -> Problem:
    fields = {str(each["loc"][-1]): each["msg"] for each in error.errors()}
    if "image" in fields:
        return Problem(
            "image_missing", "send the photo as a file in the multipart form field 'image'"
        )
    return Problem("invalid_option", "; ".join(f"{name}: {why}" for name, why in fields.items()))
