"""Clients that post one photo after another, as soon as the last was answered."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import httpx

from benchmarks.load import percentiles

TIMEOUT_SECONDS = 60
REFUSALS = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)


@dataclass(frozen=True)
class Counted:
    """What came back to some clients within some seconds."""

    seconds: float
    milliseconds: list[float]  # of each caption
    refused: int  # told to come back later
    failed: int = 0  # any other error

    def summary(self) -> dict[str, Any]:
        found = percentiles(self.milliseconds) if self.milliseconds else {}
        return {
            "captions_per_second": round(len(self.milliseconds) / self.seconds, 2),
            "refused": self.refused,
            "failed": self.failed,
            **{name: round(value, 1) for name, value in found.items()},
        }


def merged(rounds: list[Counted]) -> Counted:
    return Counted(
        sum(each.seconds for each in rounds),
        [taken for each in rounds for taken in each.milliseconds],
        sum(each.refused for each in rounds),
        sum(each.failed for each in rounds),
    )


def post(url: str, image: bytes, clients: int, seconds: float, **options: str) -> Counted:
    """Let `clients` post an image for some seconds; each gets at least one answer."""
    return asyncio.run(_post(url, image, clients, seconds, options))


async def _post(
    url: str, image: bytes, clients: int, seconds: float, options: dict[str, str]
) -> Counted:
    # Encoded once: the clients share the processor with the server.
    request = httpx.Request("POST", url, files={"image": image}, data=options)
    body, headers = request.read(), {"Content-Type": request.headers["Content-Type"]}
    taken: list[float] = []
    refused = failed = 0
    started = time.perf_counter()
    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)

    async def one(client: httpx.AsyncClient) -> None:
        nonlocal refused, failed
        while True:
            asked = time.perf_counter()
            answer = await client.post(url, content=body, headers=headers)
            now = time.perf_counter()
            if answer.status_code == httpx.codes.OK:
                taken.append(1000 * (now - asked))
            else:
                if answer.status_code in REFUSALS:
                    refused += 1
                else:
                    failed += 1
                # As clients do that are told to come back later, if sooner.
                await asyncio.sleep(0.2)
            if now > started + seconds:
                return

    async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, limits=limits) as client:
        await asyncio.gather(*(one(client) for _ in range(clients)))
    return Counted(time.perf_counter() - started, taken, refused, failed)
