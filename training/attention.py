"""`attention`: an LSTM with adaptive attention over the 7x7 grid (Lu et al. 2017)."""

import keras
import tensorflow as tf

from training.config import DecoderConfig
from training.decoder import Memory, RecurrentDecoder
from training.encoder import CELLS


class AdaptiveAttentionDecoder(RecurrentDecoder):
    """At each word it looks at the grid, or at the visual sentinel where language suffices.

    The LSTM reads the word and the image at every step; its hidden state asks, additively, the
    49 cells and the sentinel (equations 6 to 13 of "Knowing When to Look").
    """

    attends = True

    def __init__(self, config: DecoderConfig, vocabulary_size: int) -> None:
        super().__init__(config, vocabulary_size, sentinel=True)
        self.cell = keras.layers.Dense(config.units, name="cell")
        self.cell_norm = keras.layers.LayerNormalization(name="cell_norm")
        self.position = self.add_weight(
            name="position", shape=(CELLS, config.units), initializer="zeros"
        )
        self.key = keras.layers.Dense(config.attention_units, use_bias=False, name="key")
        self.query = keras.layers.Dense(config.attention_units, name="query")
        self.sentinel_key = keras.layers.Dense(
            config.attention_units, use_bias=False, name="sentinel_key"
        )
        self.energy = keras.layers.Dense(1, use_bias=False, name="energy")

    def remember(self, maps: tf.Tensor, training: bool) -> Memory:
        memory = super().remember(maps, training)
        features = self.cell(self.feature_dropout(maps, training=training))
        cells = self.cell_norm(features) + self.position
        return memory | {"cells": cells, "keys": self.key(cells)}

    def _inputs(self, words: tf.Tensor, memory: Memory) -> tf.Tensor:
        return super()._inputs(words, memory) + memory["image"][:, tf.newaxis]

    def _read(
        self, hidden: tf.Tensor, sentinel: tf.Tensor, memory: Memory, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        query = self.query(hidden)
        keys = memory["keys"][:, tf.newaxis] + query[:, :, tf.newaxis]
        sentinel_key = self.sentinel_key(sentinel) + query
        energies = tf.concat(
            [self.energy(tf.tanh(keys))[..., 0], self.energy(tf.tanh(sentinel_key))], axis=-1
        )
        weights = tf.nn.softmax(energies)
        attention, gate = weights[..., :CELLS], weights[..., CELLS:]
        context = tf.matmul(attention, memory["cells"]) + gate * sentinel
        outputs = self.output_layer(self.dropout(context + hidden, training=training))
        return outputs, attention
