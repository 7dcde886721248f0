import pytest

from service.admission import RETRY_AFTER_SECONDS, Admission
from service.problems import Problem


def test_a_place_is_held_while_the_block_runs() -> None:
    admission = Admission(2)
    with admission.admitted():
        assert admission.pending == 1
        with admission.admitted():
            assert admission.pending == 2
    assert admission.pending == 0


def test_whoever_finds_no_place_is_told_when_to_come_back() -> None:
    admission = Admission(1)
    with admission.admitted(), pytest.raises(Problem) as refused, admission.admitted():
        pytest.fail("there is one place only")
    assert refused.value.code == "overloaded"
    assert refused.value.status_code == 503
    assert refused.value.headers == {"Retry-After": str(RETRY_AFTER_SECONDS)}


def test_being_refused_takes_and_frees_no_place() -> None:
    admission = Admission(1)
    with admission.admitted():
        with pytest.raises(Problem), admission.admitted():
            pass
        assert admission.pending == 1
    assert admission.pending == 0


def test_the_place_is_freed_after_an_error() -> None:
    admission = Admission(1)
    with pytest.raises(KeyError), admission.admitted():
        raise KeyError
    with admission.admitted():
        assert admission.pending == 1
