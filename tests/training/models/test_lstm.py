"""What every decoder must keep, whatever its architecture."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.shapes import CELLS, FEATURES
from training.config import DecoderConfig
from training.data.text import END, PAD, START
from training.models.decoder import Decoder
from training.models.lstm import LSTM
from training.models.registry import DECODERS, build_decoder

pytestmark = pytest.mark.tensorflow

WORDS = 30
TOKENS = tf.constant([[START, 5, 9, 7, END, PAD], [START, 8, 8, END, PAD, PAD]])


@pytest.fixture(params=sorted(DECODERS))
def decoder(request: pytest.FixtureRequest) -> Decoder:
    keras.utils.set_random_seed(0)
    config = DecoderConfig(architecture=request.param, units=16, attention_units=8)
    return build_decoder(config, WORDS)


def maps(seed: int = 0) -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).random((2, CELLS, FEATURES), np.float32))


def test_teacher_forcing_equals_one_step_after_another(decoder: Decoder) -> None:
    whole = decoder(maps(), TOKENS)
    memory = decoder.remember(maps(), training=False)
    state = decoder.initial_state(memory)
    for position in range(TOKENS.shape[1]):
        outputs, state, _ = decoder.step(TOKENS[:, position], state, memory)
        np.testing.assert_allclose(decoder.logits(outputs, memory), whole[:, position], atol=1e-5)


def test_the_photo_matters(decoder: Decoder) -> None:
    difference = decoder(maps(0), TOKENS) - decoder(maps(1), TOKENS)
    assert np.abs(difference).max() > 1e-3


def test_a_word_is_not_predicted_from_those_after_it(decoder: Decoder) -> None:
    other = tf.concat([TOKENS[:, :3], TOKENS[:, 3:] * 0 + 11], axis=1)
    before, after = decoder(maps(), TOKENS), decoder(maps(), other)
    np.testing.assert_array_equal(before[:, :3], after[:, :3])
    assert np.abs(before[:, 3:] - after[:, 3:]).max() > 1e-4


def test_attention_is_a_share_of_one_or_nothing(decoder: Decoder) -> None:
    memory = decoder.remember(maps(), training=False)
    state = decoder.initial_state(memory)
    _, _, attention = decoder.step(TOKENS[:, 0], state, memory)
    total = tf.reduce_sum(attention, axis=-1).numpy()
    assert attention.shape == (2, CELLS)
    assert (attention.numpy() >= 0).all()
    if decoder.name in ("attention", "tagged-attention"):  # the sentinel has the rest
        assert ((total > 0) & (total < 1)).all()
    else:
        np.testing.assert_allclose(total, float(decoder.attends), atol=1e-6)


def test_dropout_is_only_for_training(decoder: Decoder) -> None:
    np.testing.assert_array_equal(decoder(maps(), TOKENS), decoder(maps(), TOKENS))
    trained = decoder(maps(), TOKENS, training=True)
    assert np.abs(trained - decoder(maps(), TOKENS)).max() > 1e-3


@pytest.mark.parametrize("decoder", sorted({*DECODERS} - {"tagged-attention"}), indirect=True)
def test_every_weight_gets_a_gradient(decoder: Decoder) -> None:
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(decoder(maps(), TOKENS) ** 2)
    for weight, gradient in zip(
        decoder.trainable_variables,
        tape.gradient(loss, decoder.trainable_variables),
        strict=True,
    ):
        assert np.abs(tf.convert_to_tensor(gradient)).max() > 0, weight.path


def test_weights_survive_the_disk(decoder: Decoder, tmp_path: Path) -> None:
    path = tmp_path / "decoder.weights.h5"
    decoder.save_weights(path)
    config = DecoderConfig(architecture=decoder.name, units=16, attention_units=8)
    keras.utils.set_random_seed(1)
    loaded = build_decoder(config, WORDS)
    assert np.abs(loaded(maps(), TOKENS) - decoder(maps(), TOKENS)).max() > 1e-3
    loaded.load_weights(path)
    np.testing.assert_array_equal(loaded(maps(), TOKENS), decoder(maps(), TOKENS))


def test_the_forget_gate_starts_open_and_the_others_do_not() -> None:
    layer = LSTM(3, sentinel=True)
    layer(tf.zeros([1, 2]))
    assert layer.bias.numpy().tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]


def test_without_a_sentinel_the_lstm_is_keras_s() -> None:
    keras.utils.set_random_seed(0)
    ours, theirs = LSTM(4, sentinel=False), keras.layers.LSTM(4, return_sequences=True)
    inputs = tf.random.normal([2, 5, 3])
    projected, nothing = ours(inputs), tf.zeros([2, 4])
    theirs(inputs)
    theirs.set_weights(ours.get_weights())
    state = ours.step(projected[:, 0], (nothing, nothing))
    hidden, _, sentinel = ours.sequence(projected, state)
    np.testing.assert_array_equal(sentinel, tf.zeros_like(hidden))
    expected = theirs(inputs, initial_state=[state[0], state[1]])
    np.testing.assert_allclose(hidden, expected, atol=1e-6)
