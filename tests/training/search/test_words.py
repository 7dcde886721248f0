import numpy as np
import pytest
import tensorflow as tf

from training.search.words import (
    NEUTRAL,
    SEEN,
    UNMASKED,
    Mask,
    PeopleWords,
    Thresholds,
    forbidden_words,
)

pytestmark = pytest.mark.tensorflow

WORDS = ("person", "blocked", "man", "woman", "boy", "girl")


def only(word: str) -> Mask:
    return np.array([each == word for each in WORDS])


PEOPLE = PeopleWords(
    only("man"),
    only("woman"),
    only("boy"),
    only("girl"),
    Thresholds(male=0.6, female=0.4, boy=0.3, girl=0.2),
)


def forbidden(*seen: float, people: int = SEEN) -> set[str]:
    """What is, where a man, a woman, a boy and a girl are seen so clearly."""
    found = forbidden_words(only("blocked"), PEOPLE, tf.constant([seen]), tf.constant(people))
    return {word for word, each in zip(WORDS, found.numpy()[0], strict=True) if each}


def test_blocked_words_are_always_forbidden() -> None:
    assert forbidden(1.0, 1.0, 1.0, 1.0) == {"blocked"}


def test_words_are_forbidden_where_it_is_not_seen_whom_they_tell_of() -> None:
    assert forbidden(0.59, 0.4, 0.3, 0.2) == {"blocked", "man"}
    assert forbidden(0.6, 0.39, 0.3, 0.2) == {"blocked", "woman"}
    assert forbidden(0.6, 0.4, 0.29, 0.2) == {"blocked", "boy"}
    assert forbidden(0.6, 0.4, 0.3, 0.19) == {"blocked", "girl"}
    assert forbidden(0.0, 0.0, 0.0, 0.0) == {"blocked", "man", "woman", "boy", "girl"}


def test_neutral_wording_forbids_all_gendered_words() -> None:
    everybody = forbidden(1.0, 1.0, 1.0, 1.0, people=NEUTRAL)
    assert everybody == {"blocked", "man", "woman", "boy", "girl"}


def test_thresholds_can_be_left_out_to_measure_what_they_cost() -> None:
    assert forbidden(0.0, 0.0, 0.0, 0.0, people=UNMASKED) == {"blocked"}


def test_each_photo_has_its_own_words() -> None:
    seen = tf.constant([[0.9, 0.1, 0.9, 0.1], [0.1, 0.9, 0.1, 0.9]])
    found = forbidden_words(only("blocked"), PEOPLE, seen, tf.constant(SEEN)).numpy()
    assert found[:, 2:].tolist() == [[False, True, False, True], [True, False, True, False]]
