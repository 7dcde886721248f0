"""`transformer`: a small Transformer decoder over the encoder's grid (Vaswani et al. 2017).

Layer normalisation comes before each block (Xiong et al. 2020), which trains without a long
warm-up. A step reads the keys and values of the words before it from its state.
"""

from typing import Any

import keras
import tensorflow as tf

from training.config import DecoderConfig
from training.models.decoder import Decoder, Memory, State

POSITIONS = 32  # the longest caption that can be written, `<start>` counted


class Attention(keras.layers.Layer):
    """Multi-head scaled dot-product attention (section 3.2) over given keys and values."""

    def __init__(self, units: int, heads: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.built = True  # as far as it goes: its parts build themselves
        self.heads = heads
        self.query = keras.layers.Dense(units, name="query")
        self.key = keras.layers.Dense(units, use_bias=False, name="key")
        self.value = keras.layers.Dense(units, name="value")
        self.output_layer = keras.layers.Dense(units, name="output")

    def look(
        self, asking: tf.Tensor, keys: tf.Tensor, values: tf.Tensor, mask: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """What [N, T, units] see of [N, S, units], and the heads' mean weights [N, T, S].

        `mask`, which spreads to [N, heads, T, S], is 0 where they may look and -inf elsewhere.
        """
        query, key, value = map(self._split, (self.query(asking), keys, values))
        scale = tf.cast(tf.shape(key)[-1], tf.float32) ** -0.5
        energies = tf.cast(tf.matmul(query, key, transpose_b=True), tf.float32)
        weights = tf.cast(tf.nn.softmax(energies * scale + mask), value.dtype)
        seen = tf.transpose(tf.matmul(weights, value), [0, 2, 1, 3])
        merged = tf.reshape(seen, tf.shape(asking))
        return self.output_layer(merged), tf.reduce_mean(weights, axis=1)

    def _split(self, each: tf.Tensor) -> tf.Tensor:
        """[N, S, units] to [N, heads, S, units / heads]."""
        rows, places, units = tf.shape(each)[0], tf.shape(each)[1], each.shape[-1]
        heads = tf.reshape(each, [rows, places, self.heads, units // self.heads])
        return tf.transpose(heads, [0, 2, 1, 3])


class Block(keras.layers.Layer):
    """Self-attention, attention to the image, and a feed-forward network, each residual."""

    def __init__(self, config: DecoderConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.built = True  # as far as it goes: its parts build themselves
        self.words = Attention(config.units, config.heads, name="words")
        self.image = Attention(config.units, config.heads, name="image")
        self.wider = keras.layers.Dense(2 * config.units, activation="relu", name="wider")
        self.narrower = keras.layers.Dense(config.units, name="narrower")
        self.word_norm = keras.layers.LayerNormalization(name="word_norm")
        self.image_norm = keras.layers.LayerNormalization(name="image_norm")
        self.wider_norm = keras.layers.LayerNormalization(name="wider_norm")
        self.dropout = keras.layers.Dropout(config.dropout)

    def key_values(self, inputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Normalised inputs, and the keys and values they offer to later words."""
        words = self.word_norm(inputs)
        return words, self.words.key(words), self.words.value(words)

    def through(
        self,
        inputs: tf.Tensor,
        words: tuple[tf.Tensor, tf.Tensor, tf.Tensor],
        mask: tf.Tensor,
        cells: tuple[tf.Tensor, tf.Tensor],
        training: bool,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Outputs [N, T, units] and attention to the cells [N, T, cells]."""
        seen, _ = self.words.look(*words, mask)
        outputs = inputs + self.dropout(seen, training=training)
        seen, attention = self.image.look(self.image_norm(outputs), *cells, tf.zeros([]))
        outputs += self.dropout(seen, training=training)
        thought = self.narrower(self.wider(self.wider_norm(outputs)))
        return outputs + self.dropout(thought, training=training), attention


class TransformerDecoder(Decoder):
    """It attends to the grid in every block; the last one's attention is what it reports."""

    attends = True

    def __init__(self, config: DecoderConfig, vocabulary_size: int, cells: int) -> None:
        super().__init__(config, vocabulary_size, cells)
        self.units = config.units
        self.cell = keras.layers.Dense(config.units, name="cell")
        self.cell_norm = keras.layers.LayerNormalization(name="cell_norm")
        self.cell_position = self.add_weight(
            name="cell_position", shape=(cells, config.units), initializer="zeros"
        )
        self.position = self.add_weight(
            name="position", shape=(POSITIONS, config.units), initializer="zeros"
        )
        self.blocks = [Block(config, name=f"block_{i}") for i in range(config.layers)]
        self.norm = keras.layers.LayerNormalization(name="norm")
        self.feature_dropout = keras.layers.Dropout(config.feature_dropout)
        self.dropout = keras.layers.Dropout(config.dropout)

    def remember(
        self, maps: tf.Tensor | None, training: bool, tags: tf.Tensor | None = None
    ) -> Memory:
        if maps is None:
            raise ValueError(f"the decoder {self.name} cannot caption without feature maps")
        features = self.cell(self.feature_dropout(maps, training=training))
        cells = self.cell_norm(features)
        cells += tf.cast(self.cell_position, cells.dtype)
        memory = {}
        for i, block in enumerate(self.blocks):
            memory[f"keys_{i}"] = block.image.key(cells)
            memory[f"values_{i}"] = block.image.value(cells)
        return memory

    def _positions(self) -> tf.Tensor:
        return tf.cast(self.position, self.compute_dtype)

    def output_weights(self) -> list[keras.Variable]:
        return [self.norm.gamma, self.norm.beta]

    def initial_state(self, memory: Memory) -> State:
        """How many words were read [N], and their keys and values [N, blocks, 2, 32, units]."""
        rows = tf.shape(memory["keys_0"])[0]
        shape = [rows, len(self.blocks), 2, POSITIONS, self.units]
        past = tf.zeros(shape, self.compute_dtype)
        return tf.zeros([rows], tf.int32), past

    def forced(self, tokens: tf.Tensor, memory: Memory, training: bool) -> tf.Tensor:
        length = tf.shape(tokens)[1]
        outputs = self.dropout(self.embed(tokens) + self._positions()[:length], training=training)
        earlier = tf.linalg.band_part(tf.ones([length, length], tf.bool), -1, 0)
        mask = tf.where(earlier, 0.0, -float("inf"))
        for i, block in enumerate(self.blocks):
            cells = memory[f"keys_{i}"], memory[f"values_{i}"]
            words = block.key_values(outputs)
            outputs, _ = block.through(outputs, words, mask, cells, training)
        return self.norm(outputs)

    def step(
        self, tokens: tf.Tensor, state: State, memory: Memory
    ) -> tuple[tf.Tensor, State, tf.Tensor]:
        read, past = state
        outputs = (self.embed(tokens) + tf.gather(self._positions(), read))[:, tf.newaxis]
        places = tf.range(POSITIONS)
        now = (places == read[:, tf.newaxis])[:, tf.newaxis, :, tf.newaxis]
        seen = (places <= read[:, tf.newaxis])[:, tf.newaxis, tf.newaxis]
        mask = tf.where(seen, 0.0, -float("inf"))
        kept, attention = [], tf.zeros([])
        for i, block in enumerate(self.blocks):
            words, keys, values = block.key_values(outputs)
            both = tf.where(now, tf.stack([keys, values], axis=1), past[:, i])
            cells = memory[f"keys_{i}"], memory[f"values_{i}"]
            asking = words, both[:, 0], both[:, 1]
            outputs, attention = block.through(outputs, asking, mask, cells, training=False)
            kept.append(both)
        return self.norm(outputs)[:, 0], (read + 1, tf.stack(kept, axis=1)), attention[:, 0]
