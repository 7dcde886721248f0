import asyncio
import gc
import subprocess
import sys
import threading
from typing import Any

import pytest

from service.engine import decoders as module
from service.engine.bounds import AbandonedError, Source
from service.engine.decoders import Decoders
from service.engine.errors import ImageError
from service.engine.images import Photo, decode
from tests.conftest import REPOSITORY
from tests.service.conftest import grey_png, tiny_manifest, until
from tests.service.reading import CLEAR

pytestmark = pytest.mark.anyio

SPEC = tiny_manifest().input


class SlowDecode:
    """Takes until it is let go, as a decoder of one call in C does."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, data: bytes, *rest: Any) -> Photo:
        self.started.set()
        assert self.go_on.wait(60)
        return decode(data, *rest)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> SlowDecode:
    slow = SlowDecode()
    monkeypatch.setattr(module, "decode", slow)
    return slow


async def test_a_photo_is_decoded_in_a_thread() -> None:
    photo = await Decoders(1, 100).decode(grey_png(7), SPEC)
    assert (photo.width, photo.height) == (4, 3)
    with pytest.raises(ImageError):
        await Decoders(1, 1).decode(grey_png(7), SPEC)


async def test_a_decoder_counts_as_abandoned_until_its_thread_is_free(slow: SlowDecode) -> None:
    decoders = Decoders(1, 100)
    request = asyncio.create_task(decoders.decode(grey_png(7), SPEC))
    await until(slow.started.is_set)
    request.cancel()
    await until(request.done)
    assert decoders.abandoned == 1
    slow.go_on.set()
    await until(lambda: decoders.abandoned == 0)


async def test_a_photo_that_waits_for_a_thread_is_not_decoded_for_nobody(slow: SlowDecode) -> None:
    decoders = Decoders(1, 100)
    first = asyncio.create_task(decoders.decode(grey_png(7), SPEC))
    await until(slow.started.is_set)
    second = asyncio.create_task(decoders.decode(grey_png(8), SPEC))
    await asyncio.sleep(0)
    second.cancel()
    await until(second.done)
    assert decoders.abandoned == 0
    slow.go_on.set()
    assert (await first).width == 4


async def test_nothing_is_kept_of_photos_that_nobody_waits_for(slow: SlowDecode) -> None:
    decoders = Decoders(1, 100)
    first = asyncio.create_task(decoders.decode(grey_png(7), SPEC))
    await until(slow.started.is_set)
    data = grey_png(8)
    references = sys.getrefcount(data)
    second = asyncio.create_task(decoders.decode(data, SPEC))
    await asyncio.sleep(0)
    second.cancel()
    await until(second.done)
    del second
    gc.collect()
    assert sys.getrefcount(data) == references
    slow.go_on.set()
    assert (await first).width == 4


async def test_after_photos_that_nobody_waits_for_others_are_decoded(slow: SlowDecode) -> None:
    decoders = Decoders(1, 100)
    for _ in range(3):
        slow.started.clear()
        slow.go_on.clear()
        request = asyncio.create_task(decoders.decode(grey_png(7), SPEC))
        await until(slow.started.is_set)
        request.cancel()
        await until(request.done)
        slow.go_on.set()
        await until(lambda: decoders.abandoned == 0)
    assert (await decoders.decode(grey_png(7), SPEC)).width == 4


def test_decoding_ends_at_the_next_read_once_nobody_waits() -> None:
    reads = iter([True, True, False])
    source = Source(grey_png(), lambda: next(reads))
    source.read(1)
    source.read(1)
    with pytest.raises(AbandonedError):
        source.read(1)
    with pytest.raises(AbandonedError):
        decode(grey_png(), SPEC, 100, lambda: False)


KEPT = """
from service.engine.decoders import Decoders
from tests.service.reading import memory

Decoders(1, 1)
before = memory("VmRSS")
largest = b"x" * (24 * 2**20)
del largest  # from now on glibc would keep smaller ones
photos = [(b"x" * (8 * 2**20), b"x" * 100_000) for _ in range(10)]
kept = [small for _, small in photos]
del photos
print(memory("VmRSS") - before)
"""


@pytest.mark.skipif(not CLEAR.exists(), reason="Linux tells a process its memory")
def test_the_memory_of_large_photos_is_returned() -> None:
    done = subprocess.run(
        [sys.executable, "-c", KEPT], check=True, stdout=subprocess.PIPE, cwd=REPOSITORY
    )
    assert int(done.stdout) < 20 * 2**20
