"""Errors as RFC 9457 `application/problem+json`, each with a stable code."""

from typing import Any

from asgi_correlation_id import correlation_id
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from service.engine.errors import ImageError
from service.http.examples import DETAILS, RECORDED
from service.http.metrics import CODE

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
    "image_too_complex": (422, "The image takes too long to decode"),
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
                    "schema": {"$ref": "#/components/schemas/Problem"},
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
        problem = Problem(code, _detail(request, error), dict(error.headers or {}))
        problem.status_code = error.status_code
        return _answer(request, problem)

    @app.exception_handler(ImageError)
    async def image(request: Request, error: ImageError) -> JSONResponse:
        return _answer(request, Problem(error.code, str(error)))


def _answer(request: Request, problem: Problem) -> JSONResponse:
    request.scope[CODE] = problem.code
    return problem.response()


def _detail(request: Request, error: HTTPException) -> str:
    """What happened and what to do; of paths and methods, which ones there are."""
    if error.status_code == 405:
        return f"{request.url.path} takes {(error.headers or {}).get('Allow', 'another method')}"
    if error.status_code == 404:
        return f"there is nothing at this path; there are {', '.join(_paths(request.app))}"
    return str(error.detail)


def _paths(app: FastAPI) -> list[str]:
    described = app.openapi()["paths"].items()
    paths = [f"{method.upper()} {path}" for path, methods in described for method in methods]
    return [*paths, "GET /metrics", "GET /docs"]
