"""The Transformer's blocks against Keras' own multi-head attention, and its memory of words."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.shapes import CELLS, FEATURES
from training.config import DecoderConfig
from training.data.text import START
from training.models.transformer import POSITIONS, Attention, TransformerDecoder
from training.release.export import LIMITS

pytestmark = pytest.mark.tensorflow

UNITS, HEADS = 16, 4


def decoder(layers: int = 2) -> TransformerDecoder:
    keras.utils.set_random_seed(0)
    config = DecoderConfig(architecture="transformer", units=UNITS, heads=HEADS, layers=layers)
    made = TransformerDecoder(config, 20, CELLS)
    made(tf.zeros([1, CELLS, FEATURES]), tf.zeros([1, 1], tf.int32))
    return made


def test_attention_is_that_of_keras() -> None:
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    asking = tf.constant(random.normal(size=(2, 3, UNITS)).astype(np.float32))
    seen = tf.constant(random.normal(size=(2, 5, UNITS)).astype(np.float32))
    ours = Attention(UNITS, HEADS)
    found, weights = ours.look(asking, ours.key(seen), ours.value(seen), tf.zeros([]))

    theirs = keras.layers.MultiHeadAttention(HEADS, UNITS // HEADS)
    theirs(asking, seen)
    split = (UNITS, HEADS, UNITS // HEADS)
    theirs.set_weights(
        [
            ours.query.kernel.numpy().reshape(split),
            ours.query.bias.numpy().reshape(split[1:]),
            ours.key.kernel.numpy().reshape(split),
            np.zeros(split[1:], np.float32),
            ours.value.kernel.numpy().reshape(split),
            ours.value.bias.numpy().reshape(split[1:]),
            ours.output_layer.kernel.numpy().reshape(split[1], split[2], UNITS),
            ours.output_layer.bias.numpy(),
        ]
    )
    expected, scores = theirs(asking, seen, return_attention_scores=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(weights, np.mean(scores, axis=1), atol=1e-6)


def test_nothing_is_seen_behind_the_mask() -> None:
    attention = Attention(UNITS, HEADS)
    seen = tf.random.stateless_normal([1, 4, UNITS], seed=[0, 1])
    mask = tf.constant([0.0, 0.0, -np.inf, 0.0])
    _, weights = attention.look(seen, attention.key(seen), attention.value(seen), mask)
    assert np.all(weights[..., 2] == 0)
    np.testing.assert_allclose(np.sum(weights, axis=-1), 1, rtol=1e-6)


@pytest.mark.parametrize("layers", [1, 3])
def test_a_block_more_has_its_own_weights(layers: int) -> None:
    fewer, more = decoder(layers).count_params(), decoder(layers + 1).count_params()
    units = UNITS
    attention = 4 * units * units + 3 * units  # no bias on the keys
    thinking = 2 * units * 2 * units + 3 * units
    assert more - fewer == 2 * attention + thinking + 3 * 2 * units


def test_every_caption_the_artifact_allows_has_a_position() -> None:
    """The longest is `<start>` and the words; `<end>` is never read."""
    assert LIMITS["max_length"][1] + 1 <= POSITIONS


def test_the_last_position_still_equals_teacher_forcing() -> None:
    made = decoder()
    made.position.assign(tf.random.stateless_normal([POSITIONS, UNITS], seed=[0, 2]))
    maps = tf.random.stateless_normal([1, CELLS, FEATURES], seed=[0, 3])
    tokens = tf.constant([[START, *(4 + i % 16 for i in range(POSITIONS - 1))]])
    whole = made(maps, tokens)
    memory = made.remember(maps, training=False)
    state = made.initial_state(memory)
    for place in range(POSITIONS):
        outputs, state, _ = made.step(tokens[:, place], state, memory)
    np.testing.assert_allclose(made.logits(outputs, memory), whole[:, -1], atol=1e-4)


def test_word_order_matters_once_positions_are_learned() -> None:
    made = decoder()
    maps = tf.zeros([1, CELLS, FEATURES])
    one, other = tf.constant([[START, 5, 9, 7]]), tf.constant([[START, 9, 5, 7]])
    made.position.assign(tf.random.stateless_normal(made.position.shape, seed=[0, 2]))
    assert np.abs(made(maps, one)[:, -1] - made(maps, other)[:, -1]).max() > 1e-3
