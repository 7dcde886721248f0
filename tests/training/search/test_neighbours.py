import numpy as np
import pytest
import tensorflow as tf

from training.data.text import END
from training.search.neighbours import (
    BLOCK,
    NEAREST,
    NO_PAIR,
    SHARPNESS,
    Neighbours,
    _nearest,
    agreement,
)

pytestmark = pytest.mark.tensorflow

CAT, DOG, SITS, RUNS, TOM = 4, 5, 6, 7, 8
WORDS = 9


def key(first: int, second: int) -> int:
    return first * WORDS + second


# Two photos, at either end of the only axis.
INDEX = Neighbours(
    mean=np.array([1.0, 0.0], np.float32),
    projection=np.array([[2.0], [0.0]], np.float16),
    places=np.array([[1.0], [-1.0]], np.float16),
    pairs=np.array([[key(CAT, SITS), key(SITS, END)], [key(DOG, RUNS), NO_PAIR]], np.int32),
    weights=np.array([[3.0, 0.5], [2.0, 0.0]], np.float16),
    counterparts=np.array([*range(TOM), CAT], np.int32),
)
LIKE_THE_FIRST = tf.constant([[[1.5, 0.0], [2.5, 4.0]]])  # two cells


def agreements(*captions: list[int], maps: tf.Tensor = LIKE_THE_FIRST) -> list[float]:
    tokens = np.zeros((1, len(captions), 5), np.int32)
    for row, caption in enumerate(captions):
        tokens[0, row, : len(caption)] = caption
    return list(agreement(INDEX, maps, tf.constant(tokens)).numpy()[0])


def test_a_caption_agrees_by_the_pairs_that_it_shares_with_similar_photos() -> None:
    first = 1 / (1 + np.exp(-2 * SHARPNESS))
    (found,) = agreements([CAT, SITS, END])
    assert found == pytest.approx(first * (3.0 + 0.5) / np.sqrt(3), rel=1e-5)


def test_photos_that_are_less_alike_say_less() -> None:
    cat, dog = agreements([CAT, SITS, END], [DOG, RUNS, END])
    assert cat > 1
    assert dog < 1e-6
    cat, dog = agreements([CAT, SITS, END], [DOG, RUNS, END], maps=2 - LIKE_THE_FIRST)
    assert dog > 1
    assert cat < 1e-6


def test_a_pair_that_comes_twice_counts_once() -> None:
    once, twice = agreements([CAT, SITS, RUNS, RUNS, END], [CAT, SITS, CAT, SITS, END])
    assert twice == pytest.approx(once + 0.5 / np.sqrt(5), rel=1e-4)  # of "sits", and the end


def test_a_word_is_compared_by_its_counterpart() -> None:
    cat, tom = agreements([CAT, SITS, END], [TOM, SITS, END])
    assert tom == cat


def test_a_caption_of_other_words_does_not_agree() -> None:
    assert agreements([DOG, SITS, CAT, RUNS, END]) == [0.0]


def test_a_photo_has_the_same_agreement_alone_and_in_a_batch() -> None:
    tokens = tf.constant([[[CAT, SITS, END, 0]], [[DOG, RUNS, END, 0]]])
    maps = tf.concat([LIKE_THE_FIRST, 2 - LIKE_THE_FIRST], axis=0)
    both = agreement(INDEX, maps, tokens).numpy()
    for row in range(2):
        alone = agreement(INDEX, maps[row : row + 1], tokens[row : row + 1])
        np.testing.assert_allclose(alone[0], both[row], rtol=1e-6)


def test_the_nearest_of_many_photos_are_found_block_by_block() -> None:
    photos = 5 * BLOCK + 7
    cosines = np.random.default_rng(0).permutation(3 * photos).reshape(3, photos) / photos
    best, rows = _nearest(tf.constant(cosines, tf.float32))
    expected = np.argsort(-cosines, axis=1)[:, :NEAREST]
    np.testing.assert_array_equal(rows, expected)
    np.testing.assert_allclose(best, np.take_along_axis(cosines, expected, 1), rtol=1e-6)


def test_all_photos_are_asked_where_there_are_few() -> None:
    best, rows = _nearest(tf.constant([[0.1, 0.3, -0.2]]))
    assert rows.numpy().tolist() == [[1, 0, 2]]
    np.testing.assert_allclose(best, [[0.3, 0.1, -0.2]])
