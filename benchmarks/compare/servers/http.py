"""A server as short as the tutorials': one photo at a time, on the thread that answers."""

from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.compare.servers.common import PORT


def serve(caption: Callable[[bytes], str]) -> None:
    async def predict(request: Request) -> JSONResponse:
        form = await request.form()
        data = await form["image"].read()  # type: ignore[union-attr]
        return JSONResponse({"caption": await run_in_threadpool(caption, data)})

    application = Starlette(routes=[Route("/predict", predict, methods=["POST"])])
    uvicorn.run(application, host="127.0.0.1", port=PORT, log_level="error")
