"""Photos that wait together are captioned together."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from service.engine.captions import Captioner, Captions, Pixels
from service.engine.manifest import SearchOptions

# A model is called broken when this many batches in a row have failed, over at least this long:
# a GPU out of memory recovers.
FAILURES = 3
FAILING_SECONDS = 30
STALLED_SECONDS = 60  # of one batch, before the same


@dataclass(slots=True, eq=False)
class _Item:
    pixels: Pixels  # uint8 [height, width, 3]
    options: SearchOptions
    deadline: float  # of the event loop's clock
    answer: asyncio.Future[Captions]
    arrived: float  # by the same clock
    submitted: float = field(default_factory=time.perf_counter)

    def is_wanted(self, now: float) -> bool:
        """Whether somebody still waits for it: neither gone, nor out of time."""
        return not self.answer.done() and now < self.deadline


class Batcher:
    """The queue in front of a captioner, which gets as many batches at a time as it takes.

    A batch holds photos of equal search options. It starts when the captioner is free and either
    the batch is full or its oldest photo has waited `max_wait` seconds. For captioners of few sizes
    it is padded to one of `batch_sizes`, so that they meet no shape they were not warmed up with.
    """

    def __init__(
        self,
        captioner: Callable[[], Captioner],
        on_broken: Callable[[str], None],
        max_batch: int,
        max_wait: float,
        on_batch: Callable[[int], None] = lambda photos: None,
    ) -> None:
        self._captioner = captioner
        self._on_broken = on_broken
        self._sizes = batch_sizes(max_batch)
        self._max_wait = max_wait
        self._waiting: deque[_Item] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._on_batch = on_batch
        self._arrived = asyncio.Event()
        self._failures = 0  # batches in a row
        self._failing_since = 0.0  # by the event loop's clock

    @property
    def depth(self) -> int:
        """Photos that wait."""
        return len(self._waiting)

    async def caption(self, pixels: Pixels, options: SearchOptions, deadline: float) -> Captions:
        """The captions of one photo uint8 [height, width, 3].

        `deadline` is a time of the event loop's clock; past it, or once the caller is cancelled,
        the photo is not captioned any more. Raises what the captioner raises.
        """
        loop = asyncio.get_running_loop()
        at_once = self._captioner().at_once
        item = _Item(pixels, options, deadline, loop.create_future(), loop.time())
        self._waiting.append(item)
        self._arrived.set()
        if len(self._workers) < at_once:
            self._workers.add(loop.create_task(self._work()))
        try:
            return await item.answer
        except asyncio.CancelledError:
            with suppress(ValueError):  # it may be with the model already
                self._waiting.remove(item)
            raise

    async def _work(self) -> None:
        """Run batches while somebody waits."""
        try:
            while self._waiting:
                await self._until_due()
                if batch := self._next():
                    await self._run(batch)
        finally:
            self._workers.discard(cast("asyncio.Task[None]", asyncio.current_task()))
            if not self._workers:  # nobody would answer them
                for item in self._waiting:
                    item.answer.cancel()
                self._waiting.clear()

    async def _until_due(self) -> None:
        """Wait until a batch is full or the oldest photo has waited long enough."""
        now = asyncio.get_running_loop().time
        with suppress(TimeoutError):
            while self._waiting and (left := self._waiting[0].arrived + self._max_wait - now()) > 0:
                first = self._waiting[0].options
                if sum(item.options == first for item in self._waiting) >= self._sizes[-1]:
                    return
                self._arrived.clear()
                async with asyncio.timeout(left):
                    await self._arrived.wait()

    def _next(self) -> list[_Item]:
        """The longest waiting, and who may go along; whom nobody waits for is dropped."""
        now = asyncio.get_running_loop().time()
        wanted = [item for item in self._waiting if item.is_wanted(now)]
        alike = [item for item in wanted if item.options == wanted[0].options]
        batch = alike[: self._sizes[-1]]
        self._waiting = deque(item for item in wanted if item not in batch)
        return batch

    async def _run(self, batch: Sequence[_Item]) -> None:
        """Caption a batch. If that fails, try each photo alone: one may have spoiled the batch."""
        error = await self._attempt(batch)
        if error and len(batch) > 1 and not isinstance(error, BrokenExecutor):
            alone = [await self._attempt([item]) for item in batch if not item.answer.done()]
            error = next((each for each in alone if each is None), error)
        self._count(error)

    async def _attempt(self, batch: Sequence[_Item]) -> Exception | None:
        """Answer the photos of a batch; the error if it failed, which only one photo is told."""
        started = time.perf_counter()
        stalled = asyncio.get_running_loop().call_later(
            STALLED_SECONDS, self._on_broken, f"the model has not answered for {STALLED_SECONDS} s"
        )
        try:
            captions = await self._captioner().caption(
                self._padded([item.pixels for item in batch]), batch[0].options
            )
        except Exception as error:
            if len(batch) == 1 or isinstance(error, BrokenExecutor):
                for item in batch:
                    if not item.answer.done():
                        item.answer.set_exception(error)
            return error
        finally:
            stalled.cancel()
        self._on_batch(len(batch))
        for row, item in enumerate(batch):
            if not item.answer.done():
                waited = started - item.submitted + captions.queue_seconds
                item.answer.set_result(
                    Captions([captions.beams[row]], waited, captions.inference_seconds)
                )
        return None

    def _count(self, error: Exception | None) -> None:
        """Call the model broken once batches have failed for too long."""
        if error is None:
            self._failures = 0
            return
        now = asyncio.get_running_loop().time()
        self._failing_since = self._failing_since if self._failures else now
        self._failures += 1
        lasting = self._failures >= FAILURES and now - self._failing_since >= FAILING_SECONDS
        if lasting or isinstance(error, BrokenExecutor):
            self._on_broken(
                f"the model failed {self._failures} times, the last time with {error!r}"
            )

    def _padded(self, images: Sequence[Pixels]) -> Pixels:
        """One array uint8 [B, height, width, 3], its last rows black where photos are lacking."""
        size = len(images)
        if self._captioner().few_sizes:
            size = next(each for each in self._sizes if each >= size)
        padded = np.zeros((size, *images[0].shape), np.uint8)
        padded[: len(images)] = images
        return padded


def batch_sizes(max_batch: int) -> tuple[int, ...]:
    """1, 2, 4, ... and the largest."""
    powers = [1 << power for power in range(max_batch.bit_length()) if 1 << power < max_batch]
    return (*powers, max_batch)
