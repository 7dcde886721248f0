"""What the confidence of a model with tags is made of."""

import numpy as np
import pytest
import tensorflow as tf

from training.search.confidence import SIGNALS, clarity, signals
from training.search.ranking import Evidence

pytestmark = pytest.mark.tensorflow

RAW = [
    [0.2, 0.9, 1.5, 0.0, -0.3, 0.7],
    [0.1, 0.1, 0.5, 0.5, 0.5, 0.7],
]  # 2 objects, 3 words, a pair


def test_a_photo_is_clear_if_an_object_and_some_words_are_certain() -> None:
    found = clarity(tf.constant(RAW), 2, 3).numpy()
    np.testing.assert_allclose(found, [[0.9, 1.0], [0.1, 0.5]], rtol=1e-6)


def test_without_objects_or_probable_words_nothing_is_clear() -> None:
    found = clarity(tf.constant([[-0.2, 0.0, 0.4]]), 0, 2).numpy()
    np.testing.assert_array_equal(found, [[0.0, 0.0]])


def test_candidates_that_could_not_be_written_do_not_make_the_signals_infinite() -> None:
    one = tf.ones([1, 3])
    found = signals(
        -tf.ones([1, 3, 2]),
        one,
        Evidence(one, one, one, one),
        tf.constant([[-1.0, -2.0, -np.inf]]),
        tf.fill([1, 3, 2, 2, 2], 0.25),
        tf.constant([[0.9, 0.6]]),
    )
    assert np.isfinite(found.numpy()).all()


def test_every_caption_of_a_photo_has_the_photos_signals_beside_its_own() -> None:
    each = tf.constant([[0.5, 0.25, 0.125]])
    scores = tf.constant([[-1.0, -2.0, -3.0]])
    attention = tf.fill([1, 3, 2, 2, 2], 0.25)
    log_probs = tf.constant([[[-1.0, -2.0], [-2.0, 0.0], [-3.0, -3.0]]])
    clear = tf.constant([[0.9, 0.6]])
    found = signals(
        log_probs,
        tf.constant([[2.0, 1.0, 2.0]]),
        Evidence(each, each / 2, each * 2, each * 3),
        scores,
        attention,
        clear,
    ).numpy()
    by_name = {name: found[0, :, column].tolist() for column, name in enumerate(SIGNALS)}
    assert by_name["mean_log_prob"] == [-1.5, -2.0, -3.0]
    assert by_name["agreement"] == [1.5, 0.75, 0.375]
    assert by_name["lead"] == [1.0] * 3
    assert by_name["focus"] == [0.0] * 3
    assert by_name["spread"] == pytest.approx([np.std([1, 2, 3])] * 3)
    assert by_name["clear_object"] == pytest.approx([0.9] * 3)
    assert by_name["clear_words"] == pytest.approx([0.6] * 3)
