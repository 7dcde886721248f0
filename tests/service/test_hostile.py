"""Every file of the hostile corpus gets the answer it must get, and leaves the service well."""

import re
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from service.app import create_app
from service.images import ImageError, decode
from service.settings import Settings
from tests.service.conftest import FakeCaptioner, grey_png, tiny_manifest, upload
from tests.service.hostile import Row, corpus

pytestmark = pytest.mark.anyio

ROWS = corpus()
NAMES = [row.name for row in ROWS]
KEPT_MEGABYTES = 8
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@pytest.fixture(scope="module")
def app() -> FastAPI:
    """One for all of them, so that what one leaves meets the next."""
    return create_app(Settings(), FakeCaptioner(tiny_manifest()))


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
async def test_a_file_gets_the_answer_it_must(client: httpx.AsyncClient, row: Row) -> None:
    answer = await client.post("/caption", files=upload(row.data))
    row.check(answer)
    after = await client.post("/caption", files=upload(grey_png(77)))
    assert after.json()["caption"].startswith("shade-77 ")


@pytest.mark.skipif(not CLEAR.exists(), reason="Linux tells a process its peak of memory")
@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_reading_a_file_takes_no_more_memory_than_its_bound_and_gives_it_back(row: Row) -> None:
    input = tiny_manifest().input
    CLEAR.write_text("5")  # the peak starts anew at what is used now
    before = memory("VmRSS")
    with suppress(ImageError):
        decode(row.data, input, Settings().max_pixels)
    assert (memory("VmHWM") - before) / 1e6 < row.megabytes
    assert (memory("VmRSS") - before) / 1e6 < KEPT_MEGABYTES


def memory(name: str) -> int:
    """Bytes of this process, as Linux tells them."""
    return int(re.findall(rf"{name}:\s+(\d+) kB", STATUS.read_text())[0]) * 1024


def test_a_photo_that_is_cut_in_half_is_not_captioned() -> None:
    halves = [row for row in ROWS if row.name.endswith("cut at 10/20")]
    assert len(halves) == 8
