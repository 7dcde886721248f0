"""Admission control: bounded numbers of requests, and a deadline for each."""

import asyncio
import math
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from service.http.disconnect import ClientGoneError, unless_gone
from service.http.metrics import CODE
from service.http.problems import Problem
from service.http.uploads import receive

CLIENT_CLOSED_REQUEST = 499  # as nginx logs it; nobody receives it
MAX_RETRY_SECONDS = 30
SMOOTHING = 0.1  # of the moving average, by each request


class Places:
    """A bounded number of places, and how long they are held on average."""

    def __init__(self, most: int, what: str, others: Callable[[], int] = lambda: 0) -> None:
        self.most = most
        self.taken = 0
        self._what = what
        self._others = others  # places that nobody holds, but that are not free either
        self._seconds = 1.0

    @property
    def is_full(self) -> bool:
        return self.taken + self._others() >= self.most

    def check(self) -> None:
        """Raises Problem `overloaded` if there is no place."""
        if self.is_full:
            raise Problem(
                "overloaded",
                f"{self.most} {self._what}; try again in a moment",
                headers={"Retry-After": str(self.retry_seconds)},
            )

    @property
    def retry_seconds(self) -> int:
        """What a request that finds no place would wait: about as long as the others did."""
        return min(MAX_RETRY_SECONDS, max(1, math.ceil(self._seconds)))

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place while the block runs. Raises Problem `overloaded` if there is none."""
        self.check()
        now = asyncio.get_running_loop().time
        self.taken += 1
        since = now()
        try:
            yield
        finally:
            self.taken -= 1
            self._seconds += SMOOTHING * (now() - since - self._seconds)


class Admission:
    """Uploads that arrive, and requests that wait: slow senders take no place of the others."""

    def __init__(
        self, max_uploads: int, max_pending: int, abandoned: Callable[[], int] = lambda: 0
    ) -> None:
        self.uploads = Places(max_uploads, "uploads are arriving")
        self.requests = Places(max_pending, "requests are waiting", abandoned)

    @property
    def pending(self) -> int:
        """Requests that are to be answered."""
        return self.uploads.taken + self.requests.taken

    @property
    def is_full(self) -> bool:
        return self.requests.is_full


class AdmittedRoute(APIRoute):
    """A route that reads one photo and captions it within a deadline.

    Whatever can be refused without the body is refused before a byte of it is read. The work ends
    with the answer, at the deadline, or when the client disconnects.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def admitted(request: Request) -> Response:
            state = request.app.state
            admission: Admission = state.admission
            state.access.check(request.headers)
            state.readiness.check()
            admission.requests.check()
            upload = None
            try:
                with admission.uploads.place():
                    upload = await receive(request, state.settings, state.upload_memory)
                request.state.upload = upload
                with admission.requests.place():
                    return await _in_time(request, handle, state.settings.deadline_seconds)
            except (ClientDisconnect, ClientGoneError):
                request.scope[CODE] = "client_gone"
                return Response(status_code=CLIENT_CLOSED_REQUEST)
            finally:
                if upload:
                    upload.free()

        return admitted


async def _in_time(
    request: Request,
    handle: Callable[[Request], Coroutine[Any, Any, Response]],
    seconds: float,
) -> Response:
    """Raises Problem `deadline_exceeded`, ClientGoneError."""
    request.state.deadline = asyncio.get_running_loop().time() + seconds
    try:
        async with asyncio.timeout_at(request.state.deadline):
            return await unless_gone(request, handle(request))
    except TimeoutError:
        raise Problem(
            "deadline_exceeded",
            f"there was no caption within {seconds:g} seconds; try again later",
        ) from None
