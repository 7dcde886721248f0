"""The decoders' one interface, and what the recurrent ones share.

A decoder turns feature maps into a *memory* once per image, and then predicts one word after
another. Training reads whole captions (`forced`), the beam search single words (`step`).
"""

from abc import abstractmethod
from typing import Any, ClassVar

import keras
import tensorflow as tf

from training.config import DecoderConfig
from training.encoder import CELLS

Memory = dict[str, tf.Tensor]  # leading dimension: images, or captions once repeated
State = tuple[tf.Tensor, ...]  # leading dimension: captions


class Decoder(keras.Model):
    """Feature maps to the probabilities of the next word."""

    attends: ClassVar[bool]  # whether its attention means anything

    def __init__(self, config: DecoderConfig, vocabulary_size: int) -> None:
        super().__init__(name=config.architecture)
        # Tied to the output, an embedding is small; as an input it must weigh as much as the
        # image, so it is scaled up (Vaswani et al. 2017, section 3.4).
        self.embedding_scale = config.units**0.5
        self.embedding = self.add_weight(
            name="embedding",
            shape=(vocabulary_size, config.units),
            initializer=keras.initializers.RandomNormal(stddev=config.units**-0.5),
        )
        self.output_bias = self.add_weight(
            name="output_bias", shape=(vocabulary_size,), initializer="zeros"
        )

    @abstractmethod
    def remember(self, maps: tf.Tensor, training: bool) -> Memory:
        """What decoding needs of feature maps float32 [B, 49, 2048]."""

    @abstractmethod
    def initial_state(self, memory: Memory) -> State:
        """The state before `<start>` is read."""

    @abstractmethod
    def forced(self, tokens: tf.Tensor, memory: Memory, training: bool) -> tf.Tensor:
        """Teacher forcing: outputs float32 [N, T, units] after each of tokens int32 [N, T]."""

    @abstractmethod
    def step(
        self, tokens: tf.Tensor, state: State, memory: Memory
    ) -> tuple[tf.Tensor, State, tf.Tensor]:
        """Outputs [N, units], new state and attention [N, 49] after one more token int32 [N].

        Attention sums to at most 1; a decoder that does not attend gives zeros.
        """

    def sharpen(self, temperature: float) -> None:
        """Divide the logits of all that comes by a temperature."""
        self.output_bias.assign(self.output_bias / temperature)
        for weight in self.output_weights():
            weight.assign(weight / temperature)

    def freeze_words(self) -> None:
        """Train everything but the words' vectors and biases.

        Adam would push those of the thousands of words that sampled captions do not hold, whose
        gradients are tiny but all alike, as hard as any others, and flatten the distribution.
        """
        self.embedding.trainable = False
        self.output_bias.trainable = False

    @abstractmethod
    def output_weights(self) -> list[keras.Variable]:
        """Those that scaled by a factor scale the outputs by it."""

    def embed(self, tokens: tf.Tensor) -> tf.Tensor:
        """Vectors float32 [..., units] of token ids int32 [...]."""
        return tf.gather(self.embedding, tokens) * self.embedding_scale

    def logits(self, outputs: tf.Tensor) -> tf.Tensor:
        """Scores [..., V] of outputs [..., units]; the embedding is tied (Press and Wolf 2017)."""
        return tf.matmul(outputs, self.embedding, transpose_b=True) + self.output_bias

    def call(self, maps: tf.Tensor, tokens: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Teacher-forced logits [B, T, V], one caption an image; builds every weight."""
        return self.logits(self.forced(tokens, self.remember(maps, training), training))


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
        gates = projected + tf.matmul(state[0], self.recurrent_kernel)
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

    def __init__(self, config: DecoderConfig, vocabulary_size: int, sentinel: bool) -> None:
        super().__init__(config, vocabulary_size)
        self.units = config.units
        self.lstm = LSTM(config.units, sentinel, name="lstm")
        self.image = keras.layers.Dense(config.units, name="image")
        self.image_norm = keras.layers.LayerNormalization(name="image_norm")
        self.feature_dropout = keras.layers.Dropout(config.feature_dropout)
        self.dropout = keras.layers.Dropout(config.dropout)
        self.output_layer = keras.layers.Dense(config.units, name="output")

    def remember(self, maps: tf.Tensor, training: bool) -> Memory:
        pooled = self.feature_dropout(tf.reduce_mean(maps, axis=1), training=training)
        return {"image": self.lstm(self.image_norm(self.image(pooled)))}

    def initial_state(self, memory: Memory) -> State:
        nothing = tf.zeros([tf.shape(memory["image"])[0], self.units])
        return self.lstm.step(memory["image"], (nothing, nothing))

    def forced(self, tokens: tf.Tensor, memory: Memory, training: bool) -> tf.Tensor:
        words = self.dropout(self.embed(tokens), training=training)
        hidden, _, sentinel = self.lstm.sequence(
            self._inputs(words, memory), self.initial_state(memory)
        )
        outputs, _ = self._read(hidden, sentinel, memory, training)
        return outputs

    def step(
        self, tokens: tf.Tensor, state: State, memory: Memory
    ) -> tuple[tf.Tensor, State, tf.Tensor]:
        words = self.embed(tokens)[:, tf.newaxis]
        hidden, cell, sentinel = self.lstm.step(self._inputs(words, memory)[:, 0], state)
        outputs, attention = self._read(
            hidden[:, tf.newaxis], sentinel[:, tf.newaxis], memory, training=False
        )
        return outputs[:, 0], (hidden, cell, sentinel), attention[:, 0]

    def output_weights(self) -> list[keras.Variable]:
        return [self.output_layer.kernel, self.output_layer.bias]

    def _inputs(self, words: tf.Tensor, memory: Memory) -> tf.Tensor:
        """The LSTM's projected inputs [N, T, gates * units] of embedded words [N, T, units]."""
        return self.lstm(words)

    def _read(
        self, hidden: tf.Tensor, sentinel: tf.Tensor, memory: Memory, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Outputs [N, T, units] and attention [N, T, 49] of hidden states [N, T, units]."""
        outputs = self.output_layer(self.dropout(hidden, training=training))
        return outputs, tf.zeros([*tf.unstack(tf.shape(hidden)[:2]), CELLS])


class PooledDecoder(RecurrentDecoder):
    """`lstm`: the pooled feature vector is all it sees of the image."""

    attends = False

    def __init__(self, config: DecoderConfig, vocabulary_size: int) -> None:
        super().__init__(config, vocabulary_size, sentinel=False)
