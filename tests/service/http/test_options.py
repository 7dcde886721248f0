import pytest

from service.http.options import offered, parse
from service.http.problems import Problem
from tests.service.conftest import tiny_manifest

PLAIN = tiny_manifest()
NAMES = PLAIN.search.model_dump(exclude_unset=True)
WITH_PEOPLE = tiny_manifest(search=NAMES | {"people": "seen"})


def refusal(*given: tuple[str, str]) -> str:
    with pytest.raises(Problem) as refused:
        parse(given, PLAIN)
    assert refused.value.code == "invalid_option"
    return str(refused.value.detail)


def test_options_left_out_are_the_model_s() -> None:
    assert parse([], PLAIN) == (PLAIN.search, False)


def test_an_unknown_option_is_refused_with_the_names_of_those_there_are() -> None:
    detail = refusal(("beams", "3"))
    assert detail.startswith("beams: ")
    assert all(name in detail for name in (*NAMES, "attention"))


def test_an_option_is_given_once() -> None:
    assert "beam_size: send it once" in refusal(("beam_size", "3"), ("beam_size", "4"))


def test_every_wrong_option_is_named() -> None:
    detail = refusal(("beams", "3"), ("max_length", "0"), ("attention", "perhaps"))
    assert all(f"{name}: " in detail for name in ("beams", "max_length", "attention"))


def test_people_is_an_option_of_models_that_have_it() -> None:
    assert "people" not in offered(PLAIN)
    assert "people: " in refusal(("people", "neutral"))
    assert "people" in offered(WITH_PEOPLE)
    options, _ = parse([("people", "neutral")], WITH_PEOPLE)
    assert options.people == "neutral"
    assert parse([], WITH_PEOPLE)[0].people == "seen"
    with pytest.raises(Problem, match="people: "):
        parse([("people", "all")], WITH_PEOPLE)
