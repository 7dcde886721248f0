from typing import get_args

import pytest
import tensorflow as tf

from tests.training.shapes import CELLS, FEATURES
from training.config import Architecture, DecoderConfig
from training.models.registry import DECODERS, build_decoder

pytestmark = pytest.mark.tensorflow

WORDS = 20


def test_every_architecture_a_configuration_can_name_has_a_decoder() -> None:
    assert set(DECODERS) == set(get_args(Architecture))


@pytest.mark.parametrize("architecture", get_args(Architecture))
def test_a_new_decoder_is_of_its_kind_and_has_all_its_weights(architecture: Architecture) -> None:
    config = DecoderConfig(architecture=architecture, units=16, attention_units=8)
    decoder = build_decoder(config, WORDS)
    assert type(decoder) is DECODERS[architecture]
    assert decoder.name == architecture
    made = [weight.path for weight in decoder.weights]
    logits = decoder(tf.ones([2, CELLS, FEATURES]), tf.ones([2, 3], tf.int32), training=True)
    assert logits.shape == (2, 3, WORDS)
    assert [weight.path for weight in decoder.weights] == made
    assert all(layer.built for layer in decoder.layers if layer.weights)


@pytest.mark.parametrize("architecture", get_args(Architecture))
def test_input_and_output_words_share_one_matrix(architecture: Architecture) -> None:
    config = DecoderConfig(architecture=architecture, units=16, attention_units=8)
    few, many = (build_decoder(config, words).get_weights() for words in (WORDS, WORDS + 1))
    more = [b.size - a.size for a, b in zip(few, many, strict=True) if a.shape != b.shape]
    assert [size for size in more if size > 1] == [16]  # one vector a word


def test_only_the_pooled_decoder_does_not_attend() -> None:
    assert {name for name, kind in DECODERS.items() if not kind.attends} == {"lstm"}
