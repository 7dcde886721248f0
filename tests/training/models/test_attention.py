"""Where the attention decoder looks, worked out again in NumPy."""

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from tests.training.shapes import CELLS, FEATURES
from training.config import DecoderConfig
from training.data.text import START
from training.models.attention import AdaptiveAttentionDecoder

pytestmark = pytest.mark.tensorflow

Floats = npt.NDArray[np.float32]


@pytest.fixture
def decoder() -> AdaptiveAttentionDecoder:
    keras.utils.set_random_seed(0)
    config = DecoderConfig(architecture="attention", units=16, attention_units=8)
    decoder = AdaptiveAttentionDecoder(config, 20, CELLS)
    decoder(tf.zeros([1, CELLS, FEATURES]), tf.zeros([1, 1], tf.int32))
    return decoder


def maps(images: int = 2) -> Floats:
    return np.random.default_rng(0).random((images, CELLS, FEATURES), np.float32)


def first_step(decoder: AdaptiveAttentionDecoder, images: Floats) -> list[Floats]:
    """Outputs, hidden state, sentinel and attention after `<start>`."""
    memory = decoder.remember(tf.constant(images), training=False)
    start = tf.fill([len(images)], START)
    outputs, state, attention = decoder.step(start, decoder.initial_state(memory), memory)
    hidden, _, sentinel = state
    return [each.numpy() for each in (outputs, hidden, sentinel, attention)]


def softmax(energies: Floats) -> Floats:
    powers = np.exp(energies - energies.max(axis=-1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def test_attention_and_outputs_are_those_of_the_paper(decoder: AdaptiveAttentionDecoder) -> None:
    random = np.random.default_rng(1)
    decoder.position.assign(random.normal(size=decoder.position.shape))
    decoder.sentinel_key.kernel.assign(random.normal(size=decoder.sentinel_key.kernel.shape))
    outputs, hidden, sentinel, attention = first_step(decoder, maps())

    features = maps() @ decoder.cell.kernel.numpy() + decoder.cell.bias.numpy()
    centred = features - features.mean(axis=-1, keepdims=True)
    deviation = np.sqrt(features.var(axis=-1, keepdims=True) + decoder.cell_norm.epsilon)
    cells = centred / deviation + decoder.position.numpy()
    query = hidden @ decoder.query.kernel.numpy() + decoder.query.bias.numpy()
    keys = cells @ decoder.key.kernel.numpy() + query[:, None]
    sentinel_key = sentinel @ decoder.sentinel_key.kernel.numpy() + query
    energy = decoder.energy.kernel.numpy()[:, 0]
    energies = np.concatenate(
        [np.tanh(keys) @ energy, (np.tanh(sentinel_key) @ energy)[:, None]], axis=-1
    )
    weights = softmax(energies)
    np.testing.assert_allclose(attention, weights[:, :CELLS], atol=1e-5)
    context = np.einsum("bc,bcu->bu", weights[:, :CELLS], cells) + weights[:, CELLS:] * sentinel
    expected = (context + hidden) @ decoder.output_layer.kernel.numpy()
    np.testing.assert_allclose(outputs, expected + decoder.output_layer.bias.numpy(), atol=1e-4)


def test_a_photo_that_is_the_same_everywhere_is_looked_at_evenly(
    decoder: AdaptiveAttentionDecoder,
) -> None:
    flat = np.repeat(maps()[:, :1], CELLS, axis=1)
    *_, attention = first_step(decoder, flat)
    np.testing.assert_allclose(attention, np.repeat(attention[:, :1], CELLS, axis=1), rtol=1e-4)
    *_, varied = first_step(decoder, maps())
    assert np.ptp(varied, axis=-1).min() > 1e-3


def test_attention_goes_with_a_cell_s_content_until_positions_are_learned(
    decoder: AdaptiveAttentionDecoder,
) -> None:
    order = np.random.default_rng(2).permutation(CELLS)
    *_, before = first_step(decoder, maps())
    *_, moved = first_step(decoder, maps()[:, order])
    np.testing.assert_allclose(moved, before[:, order], atol=1e-5)
    decoder.position.assign(np.random.default_rng(3).normal(size=decoder.position.shape))
    *_, before = first_step(decoder, maps())
    *_, moved = first_step(decoder, maps()[:, order])
    assert np.abs(moved - before[:, order]).max() > 1e-3


def test_what_the_cells_lose_the_sentinel_gets(decoder: AdaptiveAttentionDecoder) -> None:
    _, hidden, sentinel, before = first_step(decoder, maps(1))
    query = hidden @ decoder.query.kernel.numpy() + decoder.query.bias.numpy()
    # A key as far along the energy's direction as tanh lets it go.
    wanted = 9 * np.sign(decoder.energy.kernel.numpy()[:, 0]) - query[0]
    decoder.sentinel_key.kernel.assign(np.outer(sentinel[0], wanted) / (sentinel[0] @ sentinel[0]))
    *_, after = first_step(decoder, maps(1))
    assert after.sum() < before.sum()
    np.testing.assert_allclose(after / after.sum(), before / before.sum(), rtol=1e-3)


def test_the_lstm_reads_the_photo_at_every_word(decoder: AdaptiveAttentionDecoder) -> None:
    memory = decoder.remember(tf.constant(maps()), training=False)
    same = tuple(tf.zeros([2, 16]) for _ in range(3))
    _, (hidden, *_), _ = decoder.step(tf.constant([5, 5]), same, memory)
    assert np.abs(hidden[0] - hidden[1]).max() > 1e-3
