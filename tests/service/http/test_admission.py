import asyncio

import pytest

from service.http.admission import MAX_RETRY_SECONDS, Admission, Places
from service.http.problems import Problem

pytestmark = pytest.mark.anyio


async def test_a_place_is_held_while_the_block_runs() -> None:
    places = Places(2, "requests are waiting")
    with places.place():
        assert places.taken == 1
        with places.place():
            assert places.taken == 2
    assert places.taken == 0


async def test_whoever_finds_no_place_is_told_when_to_try_again() -> None:
    places = Places(1, "requests are waiting")
    with places.place(), pytest.raises(Problem) as refused, places.place():
        pytest.fail("there is one place only")
    assert refused.value.code == "overloaded"
    assert refused.value.status_code == 503
    assert refused.value.headers == {"Retry-After": str(places.retry_seconds)}


async def test_being_refused_takes_and_frees_no_place() -> None:
    places = Places(1, "requests are waiting")
    with places.place():
        with pytest.raises(Problem), places.place():
            pass
        assert places.taken == 1
    assert places.taken == 0


async def test_the_place_is_freed_after_an_error() -> None:
    places = Places(1, "requests are waiting")
    with pytest.raises(KeyError), places.place():
        raise KeyError
    with places.place():
        assert places.taken == 1


async def test_the_time_to_try_again_follows_the_time_that_others_took(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter(range(0, 10_000, 3))
    places = Places(1, "requests are waiting")
    assert places.retry_seconds == 1
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: float(next(clock)))
    for _ in range(60):
        with places.place():
            pass
    monkeypatch.undo()
    assert places.retry_seconds == 3
    places._seconds = 1e6
    assert places.retry_seconds == MAX_RETRY_SECONDS


async def test_uploads_take_no_place_of_those_that_wait() -> None:
    admission = Admission(max_uploads=1, max_pending=1)
    with admission.uploads.place():
        assert not admission.is_full
        with admission.requests.place():
            assert admission.is_full
            assert admission.pending == 2


async def test_threads_that_are_busy_for_nobody_take_places() -> None:
    admission = Admission(9, 2, abandoned=lambda: 2)
    assert admission.is_full
    assert admission.pending == 0
