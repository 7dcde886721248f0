import numpy as np
import pytest
import tensorflow as tf

from training.search.ranking import Evidence, Ranking, RankingWeights, evidence

pytestmark = pytest.mark.tensorflow

CAT, DOG, SITS, MAT = 4, 5, 6, 7
RANKING = Ranking(
    objects=2,
    words=np.array([CAT, DOG, SITS], np.int32),
    pairs=np.array([[CAT, SITS], [DOG, SITS]], np.int32),
    idf=np.array([2.0, 2.0, 1.0, 3.0, 3.0], np.float32),
    object_words=np.array([CAT, DOG], np.int32),
    named_objects=np.array([0, 1], np.int32),
    vocabulary_size=8,
    weights=RankingWeights(words=1.0, pairs=1.0, objects=1.0, agreement=1.0),
)
# objects: cat, dog; words: cat, dog, sits; pairs: cat sits, dog sits
TAGS = tf.constant([[0.9, 0.1, 0.8, 0.1, 0.5, 0.4, 0.0]])

NOTHING = tf.zeros([1, 1])  # of agreement


def test_a_caption_of_what_is_probable_has_more_evidence_than_one_of_what_is_not() -> None:
    tokens = tf.constant([[[CAT, SITS, 2, 0], [DOG, SITS, 2, 0]]])
    found = evidence(RANKING, TAGS, NOTHING, tokens)
    scores = found.score(RANKING.weights).numpy()[0]
    assert scores[0] > scores[1]


def test_evidence_is_the_cosine_of_rarity_weighted_grams() -> None:
    tokens = tf.constant([[[CAT, SITS, MAT, 2]]])
    found = evidence(RANKING, TAGS, NOTHING, tokens)
    photo = np.array([0.8, 0.1, 0.5]) * np.array([2.0, 2.0, 1.0])
    caption = np.array([1.0, 0.0, 1.0]) * np.array([2.0, 2.0, 1.0])
    expected = photo @ caption / np.linalg.norm(photo) / np.linalg.norm(caption)
    assert found.words.numpy()[0, 0] == pytest.approx(expected, abs=1e-5)
    assert found.pairs.numpy()[0, 0] == pytest.approx(1.0, abs=1e-5)
    assert found.objects.numpy()[0, 0] == pytest.approx(0.1, abs=1e-5)


def test_a_word_that_comes_twice_counts_once() -> None:
    once = evidence(RANKING, TAGS, NOTHING, tf.constant([[[CAT, MAT, 2, 0]]]))
    twice = evidence(RANKING, TAGS, NOTHING, tf.constant([[[CAT, MAT, CAT, 2]]]))
    for first, second in zip(once, twice, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-6)


def test_tags_outside_of_0_and_1_count_as_the_nearer_of_them() -> None:
    tokens = tf.constant([[[CAT, SITS, 2, 0]]])
    beyond = tf.constant([[1.4, -0.3, 1.2, -0.1, 0.5, 0.4, -2.0]])
    within = tf.constant([[1.0, 0.0, 1.0, 0.0, 0.5, 0.4, 0.0]])
    for first, second in zip(
        evidence(RANKING, beyond, NOTHING, tokens),
        evidence(RANKING, within, NOTHING, tokens),
        strict=True,
    ):
        np.testing.assert_allclose(first, second, atol=1e-6)


def test_a_caption_without_a_known_gram_has_no_evidence() -> None:
    found = evidence(RANKING, TAGS, NOTHING, tf.constant([[[MAT, 2, 0, 0]]]))
    assert [float(each[0, 0]) for each in found] == [0.0, 0.0, 0.0, 0.0]


def test_improbable_objects_lower_the_score_and_the_rest_raises_it() -> None:
    half, whole = tf.constant([[0.5]]), tf.constant([[1.0]])
    found = Evidence(words=half, pairs=half, objects=whole, agreement=half)
    assert float(found.score(RankingWeights(2.0, 1.0, 0.5, 3.0))[0, 0]) == pytest.approx(2.5)
