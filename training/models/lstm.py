"""`lstm`: an LSTM over the words, and what the recurrent decoders share."""

from typing import Any

import keras
import tensorflow as tf

from training.config import DecoderConfig
from training.models.decoder import Decoder, Memory, State


class LSTM(keras.layers.Layer):
    """Long short-term memory (Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000).

    It has a fifth gate, the visual sentinel's: s = sigmoid(g) * tanh(cell), "what the language
    model knows already" (Lu et al. 2017, equations 9 and 10), if `sentinel` is set.
    """

    def __init__(self, units: int, sentinel: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.gates = 5 if sentinel else 4

    def build(self, input_shape: Any) -> None:
        width = self.gates * self.units
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], width))
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel", shape=(self.units, width), initializer="orthogonal"
        )
        self.bias = self.add_weight(name="bias", shape=(width,), initializer=self._forget_less)

    def _forget_less(self, shape: Any, dtype: Any = None) -> tf.Tensor:
        """A forget gate that starts open (Jozefowicz et al. 2015)."""
        gates = tf.one_hot(1, self.gates, dtype=dtype or tf.float32)
        return tf.repeat(gates, self.units)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """The inputs' share of the gates [..., gates * units], for many steps in one product."""
        return tf.tensordot(inputs, self.kernel, 1) + self.bias

    def step(self, projected: tf.Tensor, state: State) -> State:
        """One step from (hidden, cell, ...) to (hidden, cell, sentinel), each [N, units]."""
        kernel = tf.cast(self.recurrent_kernel, projected.dtype)
        gates = projected + tf.matmul(state[0], kernel)
        enter, forget, candidate, leave, *sentinel = tf.split(gates, self.gates, axis=-1)
        cell = tf.sigmoid(forget) * state[1] + tf.sigmoid(enter) * tf.tanh(candidate)
        squashed = tf.tanh(cell)
        watched = tf.sigmoid(sentinel[0]) * squashed if sentinel else tf.zeros_like(cell)
        return tf.sigmoid(leave) * squashed, cell, watched

    def sequence(self, projected: tf.Tensor, state: State) -> State:
        """All steps [N, T, gates * units] to (hidden, cell, sentinel), each [N, T, units]."""
        time_major = tf.transpose(projected, [1, 0, 2])
        states = tf.scan(lambda before, now: self.step(now, before), time_major, state)
        return tuple(tf.transpose(each, [1, 0, 2]) for each in states)


class RecurrentDecoder(Decoder):
    """An LSTM over the words whose first input is the image, as in Show and Tell.

    (Vinyals et al. 2015, equations 10 to 12.) What is made of its hidden states, `_read`, does
    not feed back into it, so in training everything but the recurrence runs over all steps at
    once.
    """

    def __init__(
        self, config: DecoderConfig, vocabulary_size: int, cells: int, sentinel: bool
    ) -> None:
        super().__init__(config, vocabulary_size, cells)
        self.units = config.units
        self.lstm = LSTM(config.units, sentinel, name="lstm")
        self.image = keras.layers.Dense(config.units, name="image")
        self.image_norm = keras.layers.LayerNormalization(name="image_norm")
        self.feature_dropout = keras.layers.Dropout(config.feature_dropout)
        self.dropout = keras.layers.Dropout(config.dropout)
        self.output_layer = keras.layers.Dense(config.units, name="output")

    def remember(
        self, maps: tf.Tensor | None, training: bool, tags: tf.Tensor | None = None
    ) -> Memory:
        if maps is None:
            raise ValueError(f"the decoder {self.name} cannot caption without feature maps")
        pooled = self.feature_dropout(tf.reduce_mean(maps, axis=1), training=training)
        return {"image": self.lstm(self.image_norm(self.image(pooled)))}

    def share(self, memory: Memory, captions: int | tf.Tensor) -> Memory:
        return memory

    def initial_state(self, memory: Memory) -> State:
        image = memory["image"]
        nothing = tf.zeros([tf.shape(image)[0], self.units], image.dtype)
        return self.lstm.step(image, (nothing, nothing))

    def forced(self, tokens: tf.Tensor, memory: Memory, training: bool) -> tf.Tensor:
        words = self.lstm(self.dropout(self.embed(tokens), training=training))
        hidden, _, sentinel = self.lstm.sequence(
            self._inputs(words, memory), self.initial_state(memory)
        )
        outputs, _ = self._read(hidden, sentinel, memory, training)
        return outputs

    def step(
        self, tokens: tf.Tensor, state: State, memory: Memory
    ) -> tuple[tf.Tensor, State, tf.Tensor]:
        # The captions of an image are to `_inputs` and `_read` what steps are in training.
        images, width = tf.shape(memory["image"])[0], self.lstm.gates * self.units
        words = tf.reshape(self.lstm(self.embed(tokens)), [images, -1, width])
        projected = tf.reshape(self._inputs(words, memory), [-1, width])
        hidden, cell, sentinel = self.lstm.step(projected, state)
        asked, watched = (tf.reshape(each, [images, -1, self.units]) for each in (hidden, sentinel))
        outputs, attention = self._read(asked, watched, memory, training=False)
        outputs = tf.reshape(outputs, [-1, self.units])
        return outputs, (hidden, cell, sentinel), tf.reshape(attention, [-1, self.cells])

    def output_weights(self) -> list[keras.Variable]:
        return [self.output_layer.kernel, self.output_layer.bias]

    def _inputs(self, words: tf.Tensor, memory: Memory) -> tf.Tensor:
        """The LSTM's projected inputs [N, T, gates * units] of the words' own share of them."""
        return words

    def _read(
        self, hidden: tf.Tensor, sentinel: tf.Tensor, memory: Memory, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Outputs [N, T, units] and attention [N, T, cells] of hidden states [N, T, units]."""
        outputs = self.output_layer(self.dropout(hidden, training=training))
        return outputs, tf.zeros([*tf.unstack(tf.shape(hidden)[:2]), self.cells], hidden.dtype)


class PooledDecoder(RecurrentDecoder):
    """`lstm`: the pooled feature vector is all it sees of the image."""

    attends = False

    def __init__(self, config: DecoderConfig, vocabulary_size: int, cells: int) -> None:
        super().__init__(config, vocabulary_size, cells, sentinel=False)
