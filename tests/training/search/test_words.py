import numpy as np
import pytest
import tensorflow as tf

from training.search.words import NEUTRAL, SEEN, UNMASKED, PeopleWords, forbidden_words

pytestmark = pytest.mark.tensorflow

BLOCKED = np.array([False, True, False, False, False])
PEOPLE = PeopleWords(
    male=np.array([False, False, True, False, False]),
    female=np.array([False, False, False, True, False]),
    least_male=0.6,
    least_female=0.4,
)


def forbidden(male: float, female: float, people: int) -> list[bool]:
    genders = tf.constant([[male, female]])
    found = forbidden_words(BLOCKED, PEOPLE, genders, tf.constant(people))
    return list(found.numpy()[0].tolist())


def test_blocked_words_are_always_forbidden() -> None:
    assert forbidden(1.0, 1.0, SEEN) == [False, True, False, False, False]


def test_words_of_a_gender_are_forbidden_where_it_is_not_seen() -> None:
    assert forbidden(0.5, 0.5, SEEN) == [False, True, True, False, False]
    assert forbidden(0.9, 0.1, SEEN) == [False, True, False, True, False]


def test_neutral_wording_forbids_all_gendered_words() -> None:
    assert forbidden(1.0, 1.0, NEUTRAL) == [False, True, True, True, False]


def test_thresholds_can_be_left_out_to_measure_what_they_cost() -> None:
    assert forbidden(0.0, 0.0, UNMASKED) == [False, True, False, False, False]


def test_each_photo_has_its_own_words() -> None:
    genders = tf.constant([[0.9, 0.1], [0.1, 0.9]])
    found = forbidden_words(BLOCKED, PEOPLE, genders, tf.constant(SEEN)).numpy()
    assert found[:, 2:4].tolist() == [[False, True], [True, False]]
