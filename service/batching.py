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

from service.captioning import Captioner, Captions, Pixels
from service.manifest import SearchOptions

FAILURES = 3  # of the model, one after another, before it is called broken
STALLED_SECONDS = 60  # of one batch, before the same


@dataclass(slots=True, eq=False)
class _Item:
    pixels: Pixels  # uint8 [height, width, 3]
    options: SearchOptions
    deadline: float  # of the event loop's clock
    answer: asyncio.Future[Captions]
    submitted: float = field(default_factory=time.perf_counter)

    def is_wanted(self, now: float) -> bool:
        """Whether somebody still waits for it: neither gone, nor out of time."""
        return not self.answer.done() and now < self.deadline


class Batcher:
    """The queue in front of a captioner, which gets as many batches at a time as it takes.

    A batch holds photos of equal search options. It starts when the captioner is free and either
    full or as old as `max_wait` seconds, and is padded to one of the captioner's `batch_sizes`,
    so that the model meets no shape it was not warmed up with.
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
        self._failures = 0

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
        item = _Item(pixels, options, deadline, loop.create_future())
        self._waiting.append(item)
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
                if self._max_wait and self.depth < self._sizes[-1]:
                    await asyncio.sleep(self._max_wait)
                if batch := self._next():
                    await self._run(batch)
        finally:
            self._workers.discard(cast("asyncio.Task[None]", asyncio.current_task()))
            if not self._workers:  # nobody would answer them
                for item in self._waiting:
                    item.answer.cancel()
                self._waiting.clear()

    def _next(self) -> list[_Item]:
        """The longest waiting, and who may go along; whom nobody waits for is dropped."""
        now = asyncio.get_running_loop().time()
        wanted = [item for item in self._waiting if item.is_wanted(now)]
        alike = [item for item in wanted if item.options == wanted[0].options]
        batch = alike[: self._sizes[-1]]
        self._waiting = deque(item for item in wanted if item not in batch)
        return batch

    async def _run(self, batch: Sequence[_Item]) -> None:
        started = time.perf_counter()
        stalled = asyncio.get_running_loop().call_later(
            STALLED_SECONDS, self._on_broken, f"the model has not answered for {STALLED_SECONDS} s"
        )
        try:
            captions = await self._captioner().caption(
                self._padded([item.pixels for item in batch]), batch[0].options
            )
        except Exception as error:
            await self._failed(batch, error)
            return
        finally:
            stalled.cancel()
        self._failures = 0
        self._on_batch(len(batch))
        for row, item in enumerate(batch):
            if not item.answer.done():
                waited = started - item.submitted + captions.queue_seconds
                item.answer.set_result(
                    Captions([captions.beams[row]], waited, captions.inference_seconds)
                )

    async def _failed(self, batch: Sequence[_Item], error: Exception) -> None:
        """One photo may have spoilt the batch for the others: each gets a try of its own."""
        if len(batch) > 1 and not isinstance(error, BrokenExecutor):
            for item in batch:
                if not item.answer.done():
                    await self._run([item])
            return
        self._failures += 1
        if isinstance(error, BrokenExecutor) or self._failures >= FAILURES:
            self._on_broken(
                f"the model failed {self._failures} times, the last time with {error!r}"
            )
        for item in batch:
            if not item.answer.done():
                item.answer.set_exception(error)

    def _padded(self, images: Sequence[Pixels]) -> Pixels:
        """One array uint8 [B, height, width, 3], its last rows black where photos are lacking."""
        size = next(size for size in self._sizes if size >= len(images))
        padded = np.zeros((size, *images[0].shape), np.uint8)
        padded[: len(images)] = images
        return padded


def batch_sizes(max_batch: int) -> tuple[int, ...]:
    """1, 2, 4, ... and the largest."""
    powers = [1 << power for power in range(max_batch.bit_length()) if 1 << power < max_batch]
    return (*powers, max_batch)
