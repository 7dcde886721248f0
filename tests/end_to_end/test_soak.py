"""Thousands of hostile requests among good ones: every answer right, and no memory kept."""

import asyncio
import os
import random
from collections import Counter

import httpx
import pytest
from tqdm import tqdm

from benchmarks.latency import photo
from benchmarks.server import serving
from tests.end_to_end.conftest import PATIENCE
from tests.service.conftest import grey_png, upload
from tests.service.hostile import corpus

pytestmark = pytest.mark.http

CLIENTS = 8
WARM_UP = 5000  # requests, after which the server has what it keeps for good
GROWTH = 1.1  # of a run that is longer than that
# The allocator keeps what the largest photos took, and a short run has not met all of them yet.
SHORT_GROWTH = 2.0


@pytest.mark.parametrize(
    ("module", "good", "usual"),
    [("tests.service.fake_server", grey_png(77), 400), ("service", photo(500, 375), 100)],
    ids=["fake", "real"],
)
def test_hostile_requests_among_good_ones_do_no_harm(module: str, good: bytes, usual: int) -> None:
    count = int(os.environ.get("SOAK_REQUESTS", usual))
    settings = {"CAPTION_LOG_LEVEL": "error", "CAPTION_DEADLINE_SECONDS": str(PATIENCE)}
    with serving(module, **settings) as server:
        server.wait_until_ready()
        expected = asyncio.run(soak(server.url, good, min(count, WARM_UP)))
        before = server.resident_bytes()
        captions = asyncio.run(soak(server.url, good, count))
        after = server.resident_bytes()
    assert len(captions) == 1
    assert captions.keys() == expected.keys()
    assert captions.total() >= count // 2
    print(f"{before / 1e6:.0f} MB before, {after / 1e6:.0f} MB after {count} requests")
    assert after < (GROWTH if count > WARM_UP else SHORT_GROWTH) * before


async def soak(url: str, good: bytes, count: int) -> Counter[str]:
    """Post `count` requests, every other one a good photo; how often it got which caption."""
    captions: Counter[str] = Counter()
    order = random.Random(0)  # noqa: S311 - chooses test files
    requests = iter(tqdm(range(count), desc=url, disable=None))

    async def post(client: httpx.AsyncClient) -> None:
        for i in requests:
            if i % 2 == 0:
                answer = await client.post("/caption", files=upload(good))
                assert answer.status_code == 200, answer.text
                captions[answer.json()["caption"]] += 1
            else:
                if i % 20 == 1:
                    await hang_up(url)
                row = order.choice(corpus())
                answer = await client.post("/caption", files=upload(row.data))
                row.check(answer)

    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as client:
        await asyncio.gather(*(post(client) for _ in range(CLIENTS)))
    return captions


async def hang_up(url: str) -> None:
    """Post half of a photo, and leave."""
    address = httpx.URL(url)
    _, writer = await asyncio.open_connection(address.host, address.port)
    request = httpx.Request("POST", url, files=upload(grey_png()))
    body = request.read()
    head = b"".join(b"%s: %s\r\n" % each for each in request.headers.raw)
    writer.write(b"POST /caption HTTP/1.1\r\n" + head + b"\r\n" + body[: len(body) // 2])
    await writer.drain()
    writer.close()
