"""The beam search where the answer can be known without it."""

import itertools
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.shapes import CELLS, FEATURES
from training.config import DecoderConfig
from training.data.text import END, PAD, SPECIAL_WORDS, START
from training.models.decoder import Decoder
from training.models.registry import DECODERS, build_decoder
from training.search.beam import Hypotheses, beam_search
from training.search.rules import no_rules

pytestmark = pytest.mark.tensorflow

WORDS = 12
SPEC = [
    tf.TensorSpec([None, CELLS, FEATURES]),
    tf.TensorSpec([], tf.int32),
    tf.TensorSpec([], tf.int32),
    tf.TensorSpec([]),
]


@pytest.fixture(scope="module", params=sorted(DECODERS))
def decoder(request: pytest.FixtureRequest) -> Decoder:
    """Random weights, large enough that words differ in probability."""
    keras.utils.set_random_seed(3)
    config = DecoderConfig(architecture=request.param, units=16, attention_units=8)
    decoder = build_decoder(config, WORDS)
    decoder.embedding.assign(3 * decoder.embedding)
    return decoder


@pytest.fixture(scope="module")
def search(decoder: Decoder) -> Any:
    return tf.function(
        lambda *given: beam_search(decoder, no_rules(WORDS), *given), input_signature=SPEC
    )


def maps(images: int) -> tf.Tensor:
    random = np.random.default_rng(0)
    return tf.constant(random.normal(0, 3, (images, CELLS, FEATURES)).astype(np.float32))


def log_probs(decoder: Decoder, image: tf.Tensor, words: list[int]) -> list[float]:
    """Of each word, given the image and the words before it."""
    logits = decoder(image, tf.constant([[START, *words[:-1]]]))
    each = tf.nn.log_softmax(logits)[0].numpy()
    return [float(each[i, word]) for i, word in enumerate(words)]


def words_of(found: Hypotheses, image: int, beam: int) -> list[int]:
    tokens: list[int] = found.tokens[image, beam].numpy().tolist()
    return tokens[: tokens.index(END) + 1]


def test_one_beam_takes_the_most_probable_word_each_time(decoder: Decoder, search: Any) -> None:
    found = search(maps(1), 1, 6, 0.0)
    memory = decoder.remember(maps(1), training=False)
    state, word, greedy = decoder.initial_state(memory), START, list[int]()
    while word != END and len(greedy) < 6:
        outputs, state, _ = decoder.step(tf.constant([word]), state, memory)
        scores = decoder.logits(outputs, memory)[0].numpy()
        scores[[PAD, START, 3]] = -np.inf
        word = int(scores.argmax())
        greedy.append(word)
    assert words_of(found, 0, 0) == [*greedy, *([] if word == END else [END])]


def test_a_wide_beam_finds_the_best_of_all_captions(decoder: Decoder, search: Any) -> None:
    words = range(len(SPECIAL_WORDS), WORDS)
    captions = [[*body, END] for n in range(3) for body in itertools.product(words, repeat=n)]
    totals = [sum(log_probs(decoder, maps(1), caption)) for caption in captions]
    order = np.argsort(totals)[::-1]
    found = search(maps(1), len(captions), 2, 0.0)
    for beam in range(5):
        assert words_of(found, 0, beam) == captions[order[beam]]
        assert float(found.scores[0, beam]) == pytest.approx(totals[order[beam]], abs=1e-4)


def test_log_probabilities_are_those_of_teacher_forcing(decoder: Decoder, search: Any) -> None:
    images = maps(3)
    found = search(images, 4, 8, 0.7)
    for image, beam in itertools.product(range(3), range(4)):
        words = words_of(found, image, beam)
        expected = log_probs(decoder, images[image : image + 1], words)
        given = found.token_log_probs[image, beam].numpy()
        np.testing.assert_allclose(given[: len(words)], expected, atol=1e-4)
        assert not given[len(words) :].any()


@pytest.mark.parametrize("penalty", [0.0, 0.7, 1.5])
def test_scores_are_ranked_and_follow_from_the_words(search: Any, penalty: float) -> None:
    found = search(maps(3), 5, 8, penalty)
    lengths = np.sum(found.tokens != PAD, axis=-1)
    totals = np.sum(found.token_log_probs, axis=-1)
    np.testing.assert_allclose(found.scores, totals / lengths**penalty, rtol=1e-5)
    assert (np.diff(found.scores, axis=-1) <= 0).all()


def test_every_caption_is_complete_and_no_longer_than_allowed(search: Any) -> None:
    for max_length in (1, 2, 7):
        found = search(maps(3), 5, max_length, 0.7)
        assert found.tokens.shape == (3, 5, max_length + 1)
        for image, beam in itertools.product(range(3), range(5)):
            words = words_of(found, image, beam)
            assert len(words) - 1 <= max_length
            assert min(words[:-1], default=WORDS) >= len(SPECIAL_WORDS)
            assert not found.tokens[image, beam, len(words) :].numpy().any()


def test_beams_of_an_image_are_all_different(search: Any) -> None:
    found = search(maps(2), 6, 5, 0.7)
    for image in range(2):
        assert len({tuple(words_of(found, image, beam)) for beam in range(6)}) == 6


def test_an_image_gets_the_same_alone_and_among_others(search: Any) -> None:
    images = maps(4)
    together = search(images, 3, 8, 0.7)
    for image in range(4):
        alone = search(images[image : image + 1], 3, 8, 0.7)
        np.testing.assert_array_equal(alone.tokens[0], together.tokens[image])
        np.testing.assert_allclose(alone.scores[0], together.scores[image], atol=1e-5)
        np.testing.assert_allclose(alone.attention[0], together.attention[image], atol=1e-5)


def test_attention_is_given_for_words_and_not_after_the_end(decoder: Decoder, search: Any) -> None:
    found = search(maps(2), 3, 8, 0.7)
    looked = np.sum(found.attention, axis=(-1, -2))
    there = (found.tokens != PAD).numpy()
    assert (looked[~there] == 0).all()
    assert ((looked[there] > 0) == decoder.attends).all()


def test_one_trace_serves_every_option_and_batch(search: Any) -> None:
    for images, beam_size, max_length, penalty in ((1, 1, 3, 0.0), (2, 4, 9, 1.0), (3, 10, 1, 0.5)):
        search(maps(images), beam_size, max_length, penalty)
    assert search.experimental_get_tracing_count() == 1


def test_of_all_captions_the_best_by_length_penalty_comes_first(
    decoder: Decoder, search: Any
) -> None:
    words = range(len(SPECIAL_WORDS), WORDS)
    captions = [[*body, END] for n in range(3) for body in itertools.product(words, repeat=n)]
    totals = {tuple(each): sum(log_probs(decoder, maps(1), each)) for each in captions}
    winners = set()
    for penalty in (0.0, 3.0):
        best = max(totals, key=lambda each: totals[each] / len(each) ** penalty)
        assert tuple(words_of(search(maps(1), len(captions), 2, penalty), 0, 0)) == best
        winners.add(best)
    assert len(winners) == 2
