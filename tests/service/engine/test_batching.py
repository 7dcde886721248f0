"""The queue in front of the model."""

import asyncio
import itertools
from concurrent.futures import BrokenExecutor
from typing import Any

import anyio
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.engine import batching
from service.engine.batching import Batcher, batch_sizes
from service.engine.captions import Captions, Pixels
from service.engine.manifest import SearchOptions
from tests.service.conftest import SIDE, FakeCaptioner, tiny_manifest

pytestmark = pytest.mark.anyio

OPTIONS = tiny_manifest().search
OTHERS = OPTIONS.model_copy(update={"beam_size": 1})


class Recorder(FakeCaptioner):
    """Remembers what it was given, and fails on the shades it is told to."""

    def __init__(self) -> None:
        super().__init__(tiny_manifest())
        self.batches: list[list[int]] = []
        self.running = 0
        self.poison: dict[int, Exception] = {}

    async def caption(self, images: Pixels, options: SearchOptions) -> Captions:
        self.running += 1
        assert self.running <= self.at_once
        try:
            shades = [int(image[0, 0, 0]) for image in images]
            self.batches.append(shades)
            self.entered.set()
            await self.gate.wait()
            for shade in shades:
                if shade in self.poison:
                    raise self.poison[shade]
            return self.caption_now(images, options, 0.0)
        finally:
            self.running -= 1


def pixels(shade: int) -> Pixels:
    return np.full((SIDE, SIDE, 3), shade, np.uint8)


def soon() -> float:
    return asyncio.get_running_loop().time() + 60


def shade_of(captions: Captions) -> str:
    ((best, *_),) = captions.beams
    return best.words[0].text


@pytest.fixture
def broken() -> list[str]:
    return []


@pytest.fixture
async def captioner() -> Recorder:
    return Recorder()


@pytest.fixture
def batcher(captioner: Recorder, broken: list[str]) -> Batcher:
    return Batcher(lambda: captioner, broken.append, max_batch=6, max_wait=0.0)


async def busy(batcher: Batcher, captioner: Recorder) -> "asyncio.Task[Captions]":
    """A photo of shade 1 that occupies the captioner until its gate is opened."""
    captioner.gate.clear()
    first = asyncio.create_task(batcher.caption(pixels(1), OPTIONS, soon()))
    with anyio.fail_after(60):
        await captioner.entered.wait()
    return first


def start(
    batcher: Batcher, shade: int, options: SearchOptions = OPTIONS, deadline: float | None = None
) -> "asyncio.Task[Captions]":
    return asyncio.create_task(batcher.caption(pixels(shade), options, deadline or soon()))


@given(st.integers(1, 64))
def test_batch_sizes_are_few_and_reach_the_largest(max_batch: int) -> None:
    sizes = batch_sizes(max_batch)
    assert sizes[0] == 1
    assert sizes[-1] == max_batch
    assert list(sizes) == sorted(set(sizes))
    assert all(after <= 2 * before for before, after in itertools.pairwise(sizes))


async def test_one_photo_is_captioned_alone_and_at_once(
    batcher: Batcher, captioner: Recorder
) -> None:
    found = await batcher.caption(pixels(9), OPTIONS, soon())
    assert shade_of(found) == "shade-9"
    assert captioner.batches == [[9]]
    assert found.queue_seconds >= 0.001  # the captioner's own is added


async def test_who_waits_together_is_captioned_together_in_a_size_the_model_knows(
    batcher: Batcher, captioner: Recorder
) -> None:
    first = await busy(batcher, captioner)
    others = [start(batcher, shade) for shade in (2, 3, 4)]
    await asyncio.sleep(0)
    assert batcher.depth == 3
    captioner.gate.set()
    found = [shade_of(await each) for each in (first, *others)]
    assert found == ["shade-1", "shade-2", "shade-3", "shade-4"]
    assert captioner.batches == [[1], [2, 3, 4, 0]]


async def test_a_captioner_of_any_size_gets_no_empty_photos(
    batcher: Batcher, captioner: Recorder
) -> None:
    captioner.few_sizes = False
    first = await busy(batcher, captioner)
    others = [start(batcher, shade) for shade in (2, 3, 4)]
    await asyncio.sleep(0)
    captioner.gate.set()
    found = [shade_of(await each) for each in (first, *others)]
    assert found == ["shade-1", "shade-2", "shade-3", "shade-4"]
    assert captioner.batches == [[1], [2, 3, 4]]


async def test_a_batch_is_not_larger_than_allowed(batcher: Batcher, captioner: Recorder) -> None:
    first = await busy(batcher, captioner)
    others = [start(batcher, shade) for shade in range(2, 11)]
    await asyncio.sleep(0)
    captioner.gate.set()
    assert [shade_of(await each) for each in others] == [f"shade-{i}" for i in range(2, 11)]
    await first
    assert captioner.batches == [[1], [2, 3, 4, 5, 6, 7], [8, 9, 10, 0]]


async def test_other_options_wait_for_a_batch_of_their_own(
    batcher: Batcher, captioner: Recorder
) -> None:
    first = await busy(batcher, captioner)
    pairs = [(2, OPTIONS), (3, OTHERS), (4, OPTIONS), (5, OTHERS)]
    others = [start(batcher, shade, options) for shade, options in pairs]
    await asyncio.sleep(0)
    captioner.gate.set()
    found = [await each for each in (first, *others)]
    assert captioner.batches == [[1], [2, 4], [3, 5]]
    assert [len(each.beams[0]) for each in found] == [3, 3, 1, 3, 1]


async def test_whose_deadline_has_passed_is_not_captioned(
    batcher: Batcher, captioner: Recorder
) -> None:
    first = await busy(batcher, captioner)
    now = asyncio.get_running_loop().time()
    late, other = start(batcher, 2, deadline=now), start(batcher, 3)
    await asyncio.sleep(0)
    captioner.gate.set()
    await first
    await other
    assert captioner.batches == [[1], [3]]
    assert not late.done()  # its answer is the route's 504
    late.cancel()


async def test_who_has_left_is_not_captioned(batcher: Batcher, captioner: Recorder) -> None:
    first = await busy(batcher, captioner)
    gone, other = start(batcher, 2), start(batcher, 3)
    await asyncio.sleep(0)
    assert batcher.depth == 2
    gone.cancel()
    await asyncio.sleep(0)
    assert batcher.depth == 1
    captioner.gate.set()
    await asyncio.gather(first, other)
    assert captioner.batches == [[1], [3]]
    assert gone.cancelled()


async def test_who_leaves_during_inference_spoils_nothing(
    batcher: Batcher, captioner: Recorder
) -> None:
    first = await busy(batcher, captioner)
    first.cancel()
    other = start(batcher, 2)
    await asyncio.sleep(0)
    captioner.gate.set()
    assert shade_of(await other) == "shade-2"


async def test_it_waits_for_others_if_it_is_told_to(captioner: Recorder, broken: list[str]) -> None:
    batcher = Batcher(lambda: captioner, broken.append, max_batch=2, max_wait=5)
    first = start(batcher, 1)
    await asyncio.sleep(0.01)
    second = start(batcher, 2)
    await asyncio.gather(first, second)
    assert captioner.batches == [[1, 2]]


async def test_a_batch_that_is_full_does_not_wait_any_longer(
    captioner: Recorder, broken: list[str]
) -> None:
    batcher = Batcher(lambda: captioner, broken.append, max_batch=2, max_wait=60)
    with anyio.fail_after(5):
        await asyncio.gather(start(batcher, 1), start(batcher, 2))
    assert captioner.batches == [[1, 2]]


async def test_a_photo_that_waited_for_the_model_does_not_wait_for_others_again(
    captioner: Recorder, broken: list[str]
) -> None:
    batcher = Batcher(lambda: captioner, broken.append, max_batch=2, max_wait=2)
    captioner.gate.clear()
    first = [start(batcher, 1), start(batcher, 2)]
    await captioner.entered.wait()
    waiting = start(batcher, 3)
    await asyncio.sleep(2.1)
    captioner.gate.set()
    released = asyncio.get_running_loop().time()
    await asyncio.gather(*first, waiting)
    assert asyncio.get_running_loop().time() - released < 1.9


async def test_photos_of_other_options_do_not_fill_a_batch(
    captioner: Recorder, broken: list[str]
) -> None:
    batcher = Batcher(lambda: captioner, broken.append, max_batch=2, max_wait=0.5)
    first, other = start(batcher, 1), start(batcher, 2, OTHERS)
    await asyncio.sleep(0.02)
    await asyncio.gather(first, other, start(batcher, 3))
    assert captioner.batches == [[1, 3], [2]]


async def test_one_batch_of_many_that_fail_is_one_failure(
    batcher: Batcher,
    captioner: Recorder,
    broken: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batching, "FAILING_SECONDS", 0)
    captioner.poison.update({shade: ValueError("out of memory") for shade in range(2, 8)})
    first = await busy(batcher, captioner)
    others = [start(batcher, shade) for shade in range(2, 8)]
    await asyncio.sleep(0)
    captioner.gate.set()
    found: list[Any] = await asyncio.gather(first, *others, return_exceptions=True)
    assert all(isinstance(each, ValueError) for each in found[1:])
    assert not broken


async def test_a_model_out_of_memory_for_a_moment_survives(
    batcher: Batcher, captioner: Recorder, broken: list[str]
) -> None:
    captioner.poison[7] = ValueError("out of memory")
    for _ in range(3 * batching.FAILURES):
        with pytest.raises(ValueError, match="memory"):
            await batcher.caption(pixels(7), OPTIONS, soon())
    assert not broken
    captioner.poison.clear()
    await batcher.caption(pixels(7), OPTIONS, soon())


async def test_a_photo_that_cannot_be_captioned_spoils_only_its_own_answer(
    batcher: Batcher, captioner: Recorder, broken: list[str]
) -> None:
    captioner.poison[3] = ValueError("out of memory")
    first = await busy(batcher, captioner)
    others = [start(batcher, shade) for shade in (2, 3, 4)]
    await asyncio.sleep(0)
    captioner.gate.set()
    found: list[Any] = await asyncio.gather(first, *others, return_exceptions=True)
    assert [shade_of(each) for each in (found[0], found[1], found[3])] == [
        "shade-1",
        "shade-2",
        "shade-4",
    ]
    assert isinstance(found[2], ValueError)
    assert not broken


async def test_a_model_that_fails_for_long_is_called_broken(
    batcher: Batcher,
    captioner: Recorder,
    broken: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batching, "FAILING_SECONDS", 0)
    captioner.poison[7] = ValueError("the device is lost")
    for _ in range(batching.FAILURES):
        assert not broken
        with pytest.raises(ValueError, match="lost"):
            await batcher.caption(pixels(7), OPTIONS, soon())
    assert len(broken) == 1
    assert "the device is lost" in broken[0]


async def test_a_success_forgives_the_failures_before(
    batcher: Batcher,
    captioner: Recorder,
    broken: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batching, "FAILING_SECONDS", 0)
    captioner.poison[7] = ValueError("bad luck")
    for _ in range(3 * batching.FAILURES):
        with pytest.raises(ValueError, match="luck"):
            await batcher.caption(pixels(7), OPTIONS, soon())
        await batcher.caption(pixels(8), OPTIONS, soon())
    assert not broken


async def test_a_dead_inference_thread_is_seen_at_once(
    batcher: Batcher, captioner: Recorder, broken: list[str]
) -> None:
    captioner.poison[7] = BrokenExecutor("the thread died")
    with pytest.raises(BrokenExecutor):
        await batcher.caption(pixels(7), OPTIONS, soon())
    assert len(broken) == 1


async def test_a_model_that_hangs_is_called_broken(
    batcher: Batcher,
    captioner: Recorder,
    broken: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batching, "STALLED_SECONDS", 0.02)
    first = await busy(batcher, captioner)
    with anyio.fail_after(60):
        while not broken:
            await asyncio.sleep(0.01)
    assert "has not answered" in broken[0]
    captioner.gate.set()
    await first


async def test_a_captioner_of_several_gets_several_batches_at_a_time(
    batcher: Batcher, captioner: Recorder
) -> None:
    captioner.at_once = 2
    tasks = [await busy(batcher, captioner), start(batcher, 2)]
    with anyio.fail_after(60):
        while captioner.running < 2:
            await asyncio.sleep(0)
    tasks += [start(batcher, shade) for shade in (3, 4, 5)]
    await asyncio.sleep(0.01)
    assert batcher.depth == 3
    captioner.gate.set()
    found = [shade_of(each) for each in await asyncio.gather(*tasks)]
    assert found == [f"shade-{shade}" for shade in range(1, 6)]
    assert captioner.batches == [[1], [2], [3, 4, 5, 0]]
