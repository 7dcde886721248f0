"""Who may come in: a bounded number of requests, each with a deadline from its arrival on."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from service.deadline import ClientGoneError, unless_gone
from service.problems import Problem, too_many_images

RETRY_AFTER_SECONDS = 1
CLIENT_CLOSED_REQUEST = 499  # as nginx logs it; nobody receives it
# Of the form: the photo, and a few more than there are options, which are refused by name.
MAX_FILES, MAX_FIELDS = 2, 20


class Admission:
    """Counts the requests being captioned or waiting for it."""

    def __init__(self, max_pending: int) -> None:
        self.max_pending = max_pending
        self.pending = 0

    @property
    def is_full(self) -> bool:
        return self.pending >= self.max_pending

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Hold a place while the block runs. Raises Problem `overloaded` if there is none."""
        if self.is_full:
            raise Problem(
                "overloaded",
                f"{self.max_pending} requests are waiting; try again in a moment",
                headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
            )
        self.pending += 1
        try:
            yield
        finally:
            self.pending -= 1


class AdmittedRoute(APIRoute):
    """A route whose requests need a place before a byte of their body is read.

    They lose it with their answer, at their deadline, or when their sender hangs up.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def admitted(request: Request) -> Response:
            state = request.app.state
            seconds = state.settings.deadline_seconds
            deadline = asyncio.get_running_loop().time() + seconds
            request.state.deadline = deadline
            state.access.check(request.headers)
            state.readiness.check()
            with state.admission.admitted():
                try:
                    async with asyncio.timeout_at(deadline):
                        await _read_form(request, state.settings.receive_seconds)
                        return await unless_gone(request, handle(request))
                except TimeoutError:
                    raise Problem(
                        "deadline_exceeded",
                        f"there was no caption within {seconds:g} seconds; try again later",
                    ) from None
                except ClientGoneError:
                    return Response(status_code=CLIENT_CLOSED_REQUEST)

        return admitted


async def _read_form(request: Request, seconds: float) -> None:
    """Read the body, which FastAPI then finds read.

    Raises Problem `body_too_slow` and `too_many_images`.
    """
    try:
        async with asyncio.timeout(seconds):
            await request.form(max_files=MAX_FILES, max_fields=MAX_FIELDS)
    except HTTPException as error:
        if str(error.detail).startswith("Too many files"):
            raise too_many_images() from None
        raise
    except TimeoutError:
        raise Problem(
            "body_too_slow",
            f"the upload was not complete after {seconds:g} seconds; send a smaller photo",
            headers={"Connection": "close"},
        ) from None
