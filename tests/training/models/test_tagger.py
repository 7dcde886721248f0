from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.training.shapes import CELLS
from training.config import DecoderConfig
from training.data.tags import TagNames
from training.data.text import SPECIAL_WORDS, Vocabulary
from training.models.tagged import TaggedAttentionDecoder
from training.models.tagger import Tagger, TagHead

pytestmark = pytest.mark.tensorflow

NAMES = TagNames(("cat", "dog"), ("a", "cat", "sits"), (("a", "cat"),))
FEATURES = 4


def head() -> TagHead:
    def random(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return np.random.default_rng(len(shape)).random(shape, np.float32) + 0.1

    return TagHead(
        NAMES,
        kernel=random(FEATURES, 6),
        bias=random(6),
        mean=random(FEATURES),
        deviation=random(FEATURES),
        prior=random(6),
        idf=random(4),
        tag_mean=random(5),
        tag_deviation=random(5),
    )


def test_the_graph_gives_the_tags_of_the_pooled_features() -> None:
    maps = np.random.default_rng(0).random((3, 49, FEATURES), np.float32)
    found = Tagger(head())(tf.constant(maps))
    # The graph's kernel is of float16.
    np.testing.assert_allclose(found, head().tags(maps.mean(axis=1)), atol=1e-3)


def test_a_head_survives_the_disk(tmp_path: Path) -> None:
    head().save(tmp_path / "tagger.npz")
    loaded = TagHead.load(tmp_path / "tagger.npz")
    assert loaded.names == NAMES
    for name, value in vars(head()).items():
        if name != "names":
            np.testing.assert_array_equal(getattr(loaded, name), value)


def test_a_decoder_learns_what_the_tags_mean() -> None:
    vocabulary = Vocabulary((*SPECIAL_WORDS, "a", "kitten", "cat"))
    config = DecoderConfig(architecture="tagged-attention", units=4, tags=5)
    decoder = TaggedAttentionDecoder(config, len(vocabulary), CELLS)
    head().prepare(decoder, vocabulary)
    assert decoder.word_column.numpy().tolist() == [5, 5, 5, 5, 2, 5, 3]
    assert decoder.object_column.numpy().tolist() == [5, 5, 5, 5, 5, 0, 0]
    np.testing.assert_array_equal(decoder.tag_prior, head().prior[:5])
    other = TaggedAttentionDecoder(config.model_copy(update={"tags": 9}), len(vocabulary), CELLS)
    with pytest.raises(ValueError, match="reads 9 tags, the tag head has 5"):
        head().prepare(other, vocabulary)
