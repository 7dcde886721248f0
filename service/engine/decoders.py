"""The threads that decode photos."""

import asyncio
import ctypes
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from service.engine.images import Photo, decode
from service.engine.manifest import InputSpec

_M_MMAP_THRESHOLD, _LARGE = -3, 2**20  # of glibc's malloc.h, and bytes


class Decoders:
    """Decodes as many photos at a time as it has threads.

    A thread cannot be stopped: it learns that nobody waits for its photo when it next reads from
    the file. Until then it counts as `abandoned`. Photos wait for a thread outside of its queue,
    which would hold those that nobody waits for any more.
    """

    def __init__(self, threads: int, max_pixels: int) -> None:
        _return_large_blocks()
        self._threads = ThreadPoolExecutor(threads, "decoding")
        self._free = asyncio.Semaphore(threads)
        self._max_pixels = max_pixels
        self.abandoned = 0

    async def decode(self, data: bytes, spec: InputSpec) -> Photo:
        """Raises ImageError."""
        await self._free.acquire()
        cancelled = threading.Event()
        work = self._threads.submit(
            decode, data, spec, self._max_pixels, lambda: not cancelled.is_set()
        )
        _once_done(work, self._free.release)
        try:
            return await asyncio.wrap_future(work)
        except asyncio.CancelledError:
            cancelled.set()
            self._abandon(work)
            raise

    def _abandon(self, work: "Future[Photo]") -> None:
        if work.cancel() or work.done():
            return
        self.abandoned += 1
        _once_done(work, self._count_free)

    def _count_free(self) -> None:
        self.abandoned -= 1


def _once_done(work: "Future[Photo]", call: Callable[[], None]) -> None:
    """Have the event loop call something once a thread's work is done."""
    loop = asyncio.get_running_loop()
    work.add_done_callback(lambda _: loop.call_soon_threadsafe(call))


def _return_large_blocks() -> None:
    """Have glibc return the memory of large photos to the system as soon as it is freed.

    By default it keeps ever larger blocks for itself: over a gigabyte after the largest photos.
    """
    with suppress(AttributeError, OSError, TypeError):  # another C library
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE)
