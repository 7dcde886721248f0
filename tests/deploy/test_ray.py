"""What Ray Serve's replicas do, but for Ray itself."""

import asyncio
from collections.abc import Awaitable
from pathlib import Path

import anyio
import numpy as np
import pytest

from deploy.ray.remote import COUNTED_SECONDS, RemoteCaptioner
from deploy.ray.watch import FAILURES, STALLED_SECONDS, Watch
from service.engine.batching import Batcher
from service.engine.captions import Captions, Device, Engine, Pixels
from service.engine.manifest import SearchOptions
from service.settings import Settings
from tests.service.conftest import SIDE, FakeCaptioner, tiny_manifest

pytestmark = pytest.mark.anyio

OPTIONS = tiny_manifest().search


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class DeviceMethod:
    def remote(self) -> "DeviceMethod":
        return self

    def result(self) -> Device:
        return "CPU"


class EngineMethod:
    def remote(self) -> "EngineMethod":
        return self

    def result(self) -> Engine:
        return "tensorflow"


class Remote:
    """In the place of a method's handle: it answers once its gate is open."""

    def __init__(self, captioner: FakeCaptioner) -> None:
        self._captioner = captioner
        self.sizes: list[int] = []

    def remote(self, images: Pixels, options: SearchOptions) -> Awaitable[Captions]:
        self.sizes.append(len(images))
        return self._captioner.caption(images, options)


class Handle:
    """In the place of Ray Serve's handle of the model's replicas."""

    def __init__(self, captioner: FakeCaptioner) -> None:
        self.device = DeviceMethod()
        self.engine = EngineMethod()
        self.caption = Remote(captioner)


class Cluster:
    """The replicas, of which as many run as it is told."""

    def __init__(self, model_dir: Path) -> None:
        self.running = 1
        self.error: Exception | None = None
        self.clock = Clock()
        self.fake = FakeCaptioner(tiny_manifest())
        self.handle = Handle(self.fake)
        settings = Settings(model_dir=model_dir)
        self.captioner = RemoteCaptioner(self.handle, "default", settings, self.count, self.clock)

    def count(self, application: str) -> int:
        assert application == "default"
        if self.error:
            raise self.error
        return self.running


@pytest.fixture
async def cluster(tmp_path: Path) -> Cluster:
    (tmp_path / "manifest.json").write_text(tiny_manifest().model_dump_json())
    return Cluster(tmp_path)


def batcher(cluster: Cluster) -> Batcher:
    return Batcher(lambda: cluster.captioner, lambda why: None, max_batch=8, max_wait=0.0)


async def start(batcher: Batcher, photos: int) -> list["asyncio.Task[Captions]"]:
    """Photos that are in the queue, or with the model."""
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    deadline = asyncio.get_running_loop().time() + 60
    tasks = [asyncio.create_task(batcher.caption(pixels, OPTIONS, deadline)) for _ in range(photos)]
    await asyncio.sleep(0)  # each runs until it waits
    return tasks


async def reached(cluster: Cluster, batches: int) -> None:
    with anyio.fail_after(10):
        while len(cluster.handle.caption.sizes) < batches:
            await asyncio.sleep(0)


async def test_while_one_replica_runs_photos_that_wait_form_one_batch(cluster: Cluster) -> None:
    queue = batcher(cluster)
    cluster.fake.gate.clear()
    tasks = await start(queue, 1)
    await reached(cluster, 1)
    tasks += await start(queue, 8)
    cluster.fake.gate.set()
    await asyncio.gather(*tasks)
    assert cluster.handle.caption.sizes == [1, 8]


async def test_as_many_batches_are_sent_at_a_time_as_replicas_run(cluster: Cluster) -> None:
    queue = batcher(cluster)
    await asyncio.gather(*await start(queue, 1))
    cluster.running = 2
    cluster.clock.now += COUNTED_SECONDS
    await asyncio.gather(*await start(queue, 1))
    with anyio.fail_after(10):
        while cluster.captioner.at_once != 2:
            await asyncio.sleep(0)
    cluster.fake.gate.clear()
    tasks = await start(queue, 1)
    await reached(cluster, 3)
    tasks += await start(queue, 1)
    await reached(cluster, 4)  # the first has not been answered
    cluster.fake.gate.set()
    await asyncio.gather(*tasks)


async def test_the_last_number_of_replicas_holds_while_serve_cannot_be_asked(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.error = RuntimeError("the controller is gone")
    await cluster.captioner.caption(np.zeros((1, SIDE, SIDE, 3), np.uint8), OPTIONS)
    with anyio.fail_after(10):
        while not caplog.records:
            await asyncio.sleep(0)
    assert "the controller is gone" in caplog.text
    assert cluster.captioner.at_once == 1


def fail(watch: Watch) -> None:
    with pytest.raises(ValueError, match="device"), watch:
        raise ValueError("the device is lost")


def test_a_replica_whose_model_fails_again_and_again_is_unhealthy() -> None:
    watch = Watch()
    for _ in range(FAILURES):
        watch.check()
        fail(watch)
    with pytest.raises(RuntimeError, match="failed 3 times in a row"):
        watch.check()
    with watch:
        pass
    watch.check()


def test_a_replica_whose_model_hangs_is_unhealthy() -> None:
    clock = Clock()
    watch = Watch(clock)
    with watch:
        clock.now += STALLED_SECONDS
        watch.check()
        clock.now += 1
        with pytest.raises(RuntimeError, match="has not answered"):
            watch.check()
    watch.check()


def test_a_cancelled_batch_is_no_failure_of_the_model() -> None:
    watch = Watch()
    for _ in range(FAILURES):
        with pytest.raises(asyncio.CancelledError), watch:
            raise asyncio.CancelledError
    watch.check()
