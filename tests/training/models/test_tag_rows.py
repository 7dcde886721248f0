"""What was learned of tags, taken over by a decoder that reads others."""

from typing import Any

import numpy as np
import pytest

from training.config import DecoderConfig
from training.data.tags import TagNames
from training.data.text import SPECIAL_WORDS, Vocabulary
from training.models.registry import build_decoder
from training.models.tag_rows import KERNEL, PREPARED, with_tags
from training.models.tagged import TaggedAttentionDecoder
from training.models.weights import Weights, by_path

pytestmark = pytest.mark.tensorflow

VOCABULARY = Vocabulary((*SPECIAL_WORDS, "a", "kitten", "cat", "sits"))
OLD = TagNames(("cat", "dog"), ("a", "cat", "sits"), ())
START = "tagged-attention/"


@pytest.fixture(scope="module")
def weights() -> Weights:
    """Those of a decoder that has read `OLD`; the row of each tag holds its number."""
    config = DecoderConfig(architecture="tagged-attention", units=4, tags=OLD.read)
    decoder = build_decoder(config, len(VOCABULARY))
    assert isinstance(decoder, TaggedAttentionDecoder)
    decoder.word_column.assign(OLD.word_columns(VOCABULARY))
    decoder.object_column.assign(OLD.object_columns(VOCABULARY))
    found = {path: weight.numpy() for path, weight in by_path(decoder.weights).items()}
    return found | {START + KERNEL: np.outer(np.arange(5) + 1, np.ones(4)).astype(np.float32)}


def test_tags_are_known_by_their_words_and_new_ones_begin_at_zero(weights: Weights) -> None:
    new = TagNames(("bird", "cat"), ("sits", "purrs", "a"), ())
    rows = with_tags(weights, VOCABULARY, new)[START + KERNEL]
    assert rows[:, 0].tolist() == [0, 1, 5, 0, 3]


def test_a_person_whom_no_word_leads_to_is_known_too() -> None:
    old = TagNames(("cat", "dog", "person"), ("a", "cat", "sits"), ())
    vocabulary = Vocabulary((*VOCABULARY.words, "dog"))
    words: dict[str, Any] = {
        START + "word_column": old.word_columns(vocabulary),
        START + "object_column": old.object_columns(vocabulary),
    }
    rest: Weights = dict.fromkeys((START + name for name in PREPARED), np.zeros(0, np.float32))
    kernel = np.outer(np.arange(6) + 1, np.ones(4)).astype(np.float32)
    given: Weights = rest | words | {START + KERNEL: kernel}
    found = with_tags(given, vocabulary, TagNames(("person",), ("cat",), ()))
    assert found[START + KERNEL][:, 0].tolist() == [3, 5]


def test_the_same_tags_keep_all_rows(weights: Weights) -> None:
    assert with_tags(weights, VOCABULARY, OLD) is weights


def test_what_the_new_tag_head_writes_is_not_taken_over(weights: Weights) -> None:
    found = with_tags(weights, VOCABULARY, TagNames((), ("a", "cat", "sits", "dog", "kite"), ()))
    assert weights.keys() - found.keys() == {START + name for name in PREPARED}


def test_a_decoder_without_tags_stays_as_it_is(weights: Weights) -> None:
    plain = {path: each for path, each in weights.items() if KERNEL not in path}
    assert with_tags(plain, VOCABULARY, OLD) is plain
