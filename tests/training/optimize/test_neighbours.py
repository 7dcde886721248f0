from math import log

import numpy as np
import pytest

from training.data.text import END, SPECIAL_WORDS, Vocabulary
from training.models.heads import Floats
from training.optimize.neighbours import LEAST_PHOTOS, MOST_PAIRS, index_photos
from training.search.neighbours import NO_PAIR

pytestmark = pytest.mark.tensorflow

VOCABULARY = Vocabulary((*SPECIAL_WORDS, "a", "cat", "dog", "sits", "runs"))
A, CAT, DOG, SITS, RUNS = range(len(SPECIAL_WORDS), len(VOCABULARY))
SITTING = [["a", "cat", "sits"], ["a", "cat", "runs"]]
RUNNING = [["a", "dog", "runs"], ["a", "dog", "runs"]]
CAPTIONS = [*[SITTING] * LEAST_PHOTOS, *[RUNNING] * LEAST_PHOTOS]


def features(photos: int) -> Floats:
    return np.random.default_rng(0).normal(2.0, [1.0, 3.0, 0.1, 2.0], (photos, 4)).astype("float32")


def weights(captions: list[list[list[str]]], photo: int) -> dict[tuple[int, int], float]:
    index = index_photos(features(len(captions)), captions, VOCABULARY)
    return {
        divmod(int(key), len(VOCABULARY)): float(weight)
        for key, weight in zip(index.pairs[photo], index.weights[photo], strict=True)
        if key != NO_PAIR
    }


def test_a_pair_weighs_its_rarity_times_the_share_of_the_captions_that_hold_it() -> None:
    found = weights(CAPTIONS, 0)
    assert found[A, CAT] == pytest.approx(log(2), rel=1e-3)
    assert found[CAT, SITS] == pytest.approx(log(2) / 2, rel=1e-3)
    assert found[SITS, END] == pytest.approx(log(2) / 2, rel=1e-3)
    assert found[RUNS, END] == 0  # in all photos


def test_pairs_of_fewer_photos_are_not_kept() -> None:
    rare = [["a", "cat", "sits"], ["dog", "cat", "sits"]]
    assert (DOG, CAT) not in weights([*CAPTIONS, rare], len(CAPTIONS))
    assert (DOG, CAT) in weights([*CAPTIONS, *[rare] * LEAST_PHOTOS], len(CAPTIONS))


def test_unknown_words_are_in_no_pair() -> None:
    told = [["a", "zebra", "runs"]]
    assert set(weights([*CAPTIONS, *[told] * LEAST_PHOTOS], len(CAPTIONS))) == {(RUNS, END)}


def test_pairs_do_not_tell_a_gender() -> None:
    vocabulary = Vocabulary((*SPECIAL_WORDS, "a", "man", "woman", "person", "girl", "runs"))
    captions = [*[[["a", "man", "runs"], ["a", "woman", "runs"]]] * 4, *[[["a", "girl"]]] * 4]
    index = index_photos(features(len(captions)), captions, vocabulary)
    held = {divmod(int(key), len(vocabulary)) for key in index.pairs[0] if key != NO_PAIR}
    a, _, _, person, girl, runs = range(len(SPECIAL_WORDS), len(vocabulary))
    assert held == {(a, person), (person, runs), (runs, END)}
    assert index.counterparts[girl] == girl  # the vocabulary has no "child"


def test_blocked_words_are_in_no_pair() -> None:
    vocabulary = Vocabulary((*SPECIAL_WORDS, "a", "disabled", "person", "runs"))
    captions = [[["a", "disabled", "person", "runs"]]] * 4 + [[["a", "person"]]] * 4
    index = index_photos(features(len(captions)), captions, vocabulary)
    held = {divmod(int(key), len(vocabulary)) for key in index.pairs[0] if key != NO_PAIR}
    _, _, person, runs = range(len(SPECIAL_WORDS), len(vocabulary))
    assert held == {(person, runs), (runs, END)}


def test_the_pairs_that_weigh_most_are_kept() -> None:
    words = [f"w{i}" for i in range(MOST_PAIRS + 5)]
    vocabulary = Vocabulary((*SPECIAL_WORDS, *words))
    often, once = [words[:4]], [words]
    captions = [*[often] * 10, *[once] * LEAST_PHOTOS]
    index = index_photos(features(len(captions)), captions, vocabulary)
    kept = index.pairs[-1]
    assert (kept != NO_PAIR).all()
    first = len(SPECIAL_WORDS)
    assert first * len(vocabulary) + first + 1 not in kept  # the most common pair


def test_photos_lie_on_a_sphere_where_the_graph_s_projection_puts_them() -> None:
    pooled = features(8)
    index = index_photos(pooled, CAPTIONS[:4] * 2, VOCABULARY)
    places = index.places.astype(np.float32)
    np.testing.assert_allclose(np.linalg.norm(places, axis=1), 1, atol=2e-3)
    again = (pooled - index.mean) @ index.projection.astype(np.float32)
    again /= np.linalg.norm(again, axis=1, keepdims=True)
    np.testing.assert_allclose(again, places, atol=1e-2)


def test_few_photos_and_constant_features_have_an_index() -> None:
    index = index_photos(np.ones((2, 4), np.float32), [SITTING, RUNNING], VOCABULARY)
    assert np.isfinite(index.places.astype(np.float32)).all()
    assert np.isfinite(index.projection.astype(np.float32)).all()
    assert (index.pairs == NO_PAIR).all()
