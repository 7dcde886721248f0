"""The search's rules, on decoders that want to break them."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.shapes import CELLS, FEATURES
from training.config import DecoderConfig
from training.data.text import END, PAD, SPECIAL_WORDS, START, Vocabulary
from training.models.decoder import Decoder
from training.models.registry import build_decoder
from training.search.beam import Hypotheses, beam_search
from training.search.rules import (
    OCCURRENCES,
    ONCE,
    REPEATABLE,
    Rules,
    dangling_words,
    has_repeated_trigram,
    load_rules,
    no_rules,
    words_by_past,
    words_by_step,
    words_said_once,
)

pytestmark = pytest.mark.tensorflow

WORDS = 9
FREE = [4, 5, 6, 7, 8]


def decoder_that_loves(words: list[int], **more: float) -> Decoder:
    """It writes these words over and over, whatever the photo."""
    keras.utils.set_random_seed(0)
    decoder = build_decoder(DecoderConfig(architecture="lstm", units=8), WORDS)
    bias = np.zeros(WORDS, np.float32)
    bias[words] = 12.0
    bias[END] = more.get("end", 0.0)
    decoder.output_bias.assign(bias)
    return decoder


def rules(dangling: list[int], repeat_trigrams: bool = False) -> Rules:
    return Rules(np.isin(np.arange(WORDS), [START, *dangling]), repeat_trigrams)


def captions(decoder: Decoder, given: Rules, max_length: int = 8) -> list[list[int]]:
    """The words of every beam of two photos."""
    maps = tf.random.stateless_normal([2, CELLS, FEATURES], seed=[1, 2])
    search = tf.function(lambda *options: beam_search(decoder, given, maps, *options))
    found: Hypotheses = search(tf.constant(3), tf.constant(max_length), tf.constant(0.0))
    rows = tf.reshape(found.tokens, [-1, max_length + 1]).numpy().tolist()
    return [row[: row.index(END)] for row in rows]


def joined(caption: list[int]) -> str:
    return " ".join(map(str, caption))


def test_a_trigram_comes_once() -> None:
    loves = decoder_that_loves([4, 5], end=-9.0)
    assert any(has_repeated_trigram(joined(each)) for each in captions(loves, no_rules(WORDS)))
    for caption in captions(loves, rules([])):
        assert len(caption) == 8
        assert not has_repeated_trigram(joined(caption))


def test_without_the_rule_trigrams_may_repeat() -> None:
    loves = decoder_that_loves([4], end=-9.0)
    allowed = captions(loves, rules([], repeat_trigrams=True))
    assert any(has_repeated_trigram(joined(each)) for each in allowed)


def test_no_caption_ends_on_a_dangling_word_or_is_empty() -> None:
    hasty = decoder_that_loves([4], end=13.0)
    without = captions(hasty, no_rules(WORDS))
    assert [] in without
    assert any(each[-1:] == [4] for each in without)
    for caption in captions(hasty, rules([4])):
        assert caption[-1] != 4


@pytest.mark.parametrize("max_length", [1, 2, 3])
def test_the_last_word_allowed_does_not_dangle(max_length: int) -> None:
    for caption in captions(decoder_that_loves([4, 5], end=-9.0), rules([4, 5]), max_length):
        assert len(caption) == max_length
        assert caption[-1] not in (4, 5)


def allowed(
    given: Rules, written: list[int], max_length: int = 10, forbidden: list[bool] | None = None
) -> set[int]:
    tokens = [*written, *[PAD] * (max_length + 1 - len(written))]
    before, last = [START, START, *written][-2:]
    by_past = words_by_past(
        given,
        tf.constant([[tokens]]),
        tf.constant([[before]]),
        tf.constant([[last]]),
        tf.constant(len(written) < max_length),
    )
    by_step = words_by_step(given, tf.constant(max_length)).numpy()[len(written)]
    never = by_step | np.array(forbidden or [False])
    never[by_past.numpy()[0, 0]] = True
    return set(np.flatnonzero(~never).tolist())


@pytest.mark.parametrize(
    ("written", "forbidden"),
    [
        ([4, 5], {}),
        ([4, 5, 6, 4, 5], {6}),
        ([4, 5, 6, 4, 5, 7, 4, 5], {6, 7}),
        ([4, 4, 4], {4}),
        ([4, 4], {}),
        ([4, 5, 6, 5, 4], {}),
    ],
)
def test_what_followed_the_last_two_words_before_is_forbidden(
    written: list[int], forbidden: set[int]
) -> None:
    assert allowed(rules([]), written) == {END, *FREE} - set(forbidden)


def test_words_that_are_said_once_may_not_come_again() -> None:
    once = rules([])._replace(once=np.isin(np.arange(WORDS), [4, 6]))
    assert allowed(once, [5, 4]) == {END, *FREE} - {4}
    assert allowed(once, [5, 4, 5, 6]) == {END, *FREE} - {4, 6}


def test_words_forbidden_for_the_photo_are_so_at_every_step() -> None:
    forbidden = [word == 5 for word in range(WORDS)]
    assert allowed(rules([]), [], forbidden=forbidden) == {*FREE} - {5}
    assert allowed(rules([]), [4, 6], forbidden=forbidden) == {END, *FREE} - {5}


def test_special_words_are_never_written() -> None:
    assert allowed(no_rules(WORDS), [4]) == {END, *FREE}
    assert allowed(rules([]), []) == set(FREE)


def test_after_the_longest_caption_only_the_end_may_come() -> None:
    assert allowed(rules([4]), [5, 6], max_length=2) == {END}
    assert allowed(rules([4]), [5], max_length=2) == set(FREE) - {4} | {END}


def test_dangling_words_are_frequent_and_next_to_never_last() -> None:
    often = [["a", "dog", "runs"]] * OCCURRENCES
    assert dangling_words(often) == ["a", "dog"]
    assert dangling_words(often[1:]) == []
    ends = [["a", "dog"]] * 2
    assert dangling_words([*often, *ends]) == ["a"]


def test_rules_are_read_by_word_and_start_counts_as_dangling(tmp_path: Path) -> None:
    vocabulary = Vocabulary((*SPECIAL_WORDS, "a", "dog"))
    (tmp_path / "dangling.txt").write_text("a\nunheard-of\n")
    found = load_rules(tmp_path / "dangling.txt", vocabulary)
    assert np.flatnonzero(found.dangling).tolist() == [START, 4]
    assert not found.repeat_trigrams


def test_repeated_trigrams_are_told() -> None:
    assert has_repeated_trigram("a dog and a dog and")
    assert has_repeated_trigram("so so so so")
    assert not has_repeated_trigram("a dog and a dog")
    assert not has_repeated_trigram("")


def test_words_that_captions_hold_once_are_found_in_the_training_captions() -> None:
    captions = [["a", "cat", "on", "a", "mat"]] * REPEATABLE + [["a", "rare", "word"]]
    assert words_said_once(captions) == ["cat", "mat", "on"]


def test_a_thing_may_come_twice_in_a_few_captions_and_still_be_said_once() -> None:
    captions = [["a", "pizza"]] * 48 + [["pizza", "and", "pizza", "a"]] * 2
    assert words_said_once(captions) == ["a"]
    assert words_said_once(captions, {"pizza"}) == ["a", "pizza"]
    assert words_said_once(captions[10:], {"pizza"}) == ["a"]


def test_a_word_that_is_said_once_does_not_come_again() -> None:
    decoder = decoder_that_loves([4, 5], end=-12.0)
    once = Rules(np.zeros(WORDS, np.bool_), repeat_trigrams=True, once=np.arange(WORDS) == 4)
    maps = tf.zeros([2, CELLS, FEATURES])
    tokens = beam_search(
        decoder, once, maps, tf.constant(3), tf.constant(6), tf.constant(0.7)
    ).tokens.numpy()
    assert ((tokens == 4).sum(axis=-1) <= 1).all()
    assert ((tokens == 5).sum(axis=-1) > 1).any()


def test_the_list_of_words_said_once_is_read_beside_the_dangling_ones(tmp_path: Path) -> None:
    vocabulary = Vocabulary([*SPECIAL_WORDS, "cat", "on"])
    (tmp_path / "dangling.txt").write_text("on\n")
    assert load_rules(tmp_path / "dangling.txt", vocabulary).once is None
    (tmp_path / ONCE).write_text("cat\n")
    once = load_rules(tmp_path / "dangling.txt", vocabulary).once
    assert once is not None
    assert once.tolist() == [False] * 4 + [True, False]
