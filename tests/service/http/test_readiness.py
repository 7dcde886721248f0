import asyncio
import logging
import threading

import anyio
import pytest

from service.engine.captions import Captioner
from service.engine.errors import ArtifactError
from service.http.problems import Problem
from service.http.readiness import Readiness
from tests.service.conftest import FakeCaptioner

pytestmark = pytest.mark.anyio


def not_ready(readiness: Readiness) -> Problem:
    with pytest.raises(Problem) as refused:
        _ = readiness.captioner
    assert refused.value.code == "not_ready"
    assert refused.value.extra == {"state": readiness.state}
    assert refused.value.headers is not None
    assert int(refused.value.headers["Retry-After"]) > 0
    return refused.value


def test_with_a_captioner_it_is_ready_at_once(captioner: FakeCaptioner) -> None:
    readiness = Readiness(captioner)
    assert readiness.state == "ready"
    assert readiness.captioner is captioner


def test_without_one_it_is_starting() -> None:
    readiness = Readiness()
    assert readiness.state == "starting"
    assert "being loaded" in not_ready(readiness).detail


async def test_it_is_ready_once_the_captioner_is_loaded(
    captioner: FakeCaptioner, caplog: pytest.LogCaptureFixture
) -> None:
    readiness = Readiness()
    with caplog.at_level(logging.INFO, "service"):
        await readiness.load(lambda: captioner)
    assert readiness.state == "ready"
    assert readiness.captioner is captioner
    assert caplog.messages == ["ready: model fake 7 in openvino on CPU"]


async def test_while_it_loads_the_event_loop_goes_on(captioner: FakeCaptioner) -> None:
    go_on = threading.Event()

    def load() -> Captioner:
        go_on.wait()
        return captioner

    readiness = Readiness()
    loading = asyncio.create_task(readiness.load(load))
    await asyncio.sleep(0)
    assert "being loaded" in not_ready(readiness).detail
    go_on.set()
    with anyio.fail_after(10):
        await loading
    assert readiness.state == "ready"


async def test_an_artifact_that_cannot_be_used_is_logged_in_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def load() -> Captioner:
        raise ArtifactError("/models holds no manifest.json")

    readiness = Readiness()
    await readiness.load(load)
    assert readiness.state == "failed"
    assert "log says why" in not_ready(readiness).detail
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == "cannot load the model: /models holds no manifest.json"
    assert record.exc_info is None


async def test_an_unexpected_failure_is_logged_with_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def load() -> Captioner:
        raise RuntimeError("no such operation")

    readiness = Readiness()
    await readiness.load(load)
    assert readiness.state == "failed"
    assert "no such operation" not in not_ready(readiness).detail
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert "no such operation" in caplog.text
