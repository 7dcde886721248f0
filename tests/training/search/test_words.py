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


def forbidden(male: float, female: float, people: int = SEEN) -> set[str]:
    genders = tf.constant([[male, female]])
    found = forbidden_words(only("blocked"), PEOPLE, genders, tf.constant(people))
    return {word for word, each in zip(WORDS, found.numpy()[0], strict=True) if each}


def test_blocked_words_are_always_forbidden() -> None:
    assert forbidden(1.0, 1.0) == {"blocked"}


def test_words_of_a_gender_are_forbidden_where_it_is_not_seen() -> None:
    assert forbidden(0.1, 0.5) == {"blocked", "man", "boy"}
    assert forbidden(0.9, 0.1) == {"blocked", "woman", "girl"}


def test_words_of_children_are_allowed_where_those_of_adults_are_not() -> None:
    assert forbidden(0.5, 0.5) == {"blocked", "man"}
    assert forbidden(0.9, 0.3) == {"blocked", "woman"}
    assert forbidden(0.5, 0.3) == {"blocked", "man", "woman"}
    assert forbidden(0.5, 0.1) == {"blocked", "man", "woman", "girl"}


def test_neutral_wording_forbids_all_gendered_words() -> None:
    assert forbidden(1.0, 1.0, NEUTRAL) == {"blocked", "man", "woman", "boy", "girl"}


def test_thresholds_can_be_left_out_to_measure_what_they_cost() -> None:
    assert forbidden(0.0, 0.0, UNMASKED) == {"blocked"}


def test_each_photo_has_its_own_words() -> None:
    genders = tf.constant([[0.9, 0.1], [0.1, 0.9]])
    found = forbidden_words(only("blocked"), PEOPLE, genders, tf.constant(SEEN)).numpy()
    assert found[:, 2:].tolist() == [[False, True, False, True], [True, False, True, False]]
