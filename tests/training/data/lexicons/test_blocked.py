import pytest

from training.data.lexicons.blocked import (
    blocked_categories,
    blocked_ids,
    blocked_words,
    is_blocked,
)
from training.data.lexicons.people import people_lexicon


@pytest.mark.parametrize("word", ["asian", "muslim", "midget", "obese", "topless", "gay"])
def test_words_that_a_photo_does_not_tell_are_blocked(word: str) -> None:
    assert is_blocked(word)


@pytest.mark.parametrize("word", ["african-american", "half-naked", "dark-skinned", "one-legged"])
def test_a_hyphenated_word_is_blocked_by_a_part(word: str) -> None:
    assert is_blocked(word)


@pytest.mark.parametrize(
    "word", "black white brown chinese german thin old blinds wheelchair shirtless blond".split()
)
def test_words_that_captions_need_for_things_are_not_blocked(word: str) -> None:
    assert not is_blocked(word)


def test_the_search_gets_the_positions_of_the_blocked_words() -> None:
    assert blocked_ids(["<pad>", "dog", "asian", "african-american", "fathers"]) == [2, 3]


def test_every_category_of_the_issue_is_there() -> None:
    assert {"ethnicity", "religion", "disability", "body", "sexuality"} <= set(blocked_categories())


def test_no_blocked_word_is_needed_for_people() -> None:
    lexicon = people_lexicon()
    assert not blocked_words() & ({*lexicon.gendered} | lexicon.neutral)
    assert not blocked_words() & {
        word for phrase in lexicon.gendered.values() for word in phrase.split()
    }
