"""LSTMs that look at the encoder's grid before each word (Lu et al. 2017, "Knowing When to Look").

The LSTM reads the word and the image at every step; its hidden state asks, additively, the
cells of the grid what the next word is about.
"""

import keras
import tensorflow as tf

from training.config import DecoderConfig
from training.models.decoder import Memory
from training.models.lstm import RecurrentDecoder
from training.models.precision import softmax


class SoftAttentionDecoder(RecurrentDecoder):
    """`soft-attention`: every word looks somewhere (the paper's equations 4 to 7)."""

    attends = True
    sentinel = False

    def __init__(self, config: DecoderConfig, vocabulary_size: int, cells: int) -> None:
        super().__init__(config, vocabulary_size, cells, self.sentinel)
        self.cell = keras.layers.Dense(config.units, name="cell")
        self.cell_norm = keras.layers.LayerNormalization(name="cell_norm")
        self.position = self.add_weight(
            name="position", shape=(cells, config.units), initializer="zeros"
        )
        self.key = keras.layers.Dense(config.attention_units, use_bias=False, name="key")
        self.query = keras.layers.Dense(config.attention_units, name="query")
        self.energy = keras.layers.Dense(1, use_bias=False, name="energy")

    def remember(
        self, maps: tf.Tensor | None, training: bool, tags: tf.Tensor | None = None
    ) -> Memory:
        memory = super().remember(maps, training, tags)
        features = self.cell(self.feature_dropout(maps, training=training))
        cells = self.cell_norm(features)
        cells += tf.cast(self.position, cells.dtype)
        return memory | {"cells": cells, "keys": self.key(cells)}

    def _inputs(self, words: tf.Tensor, memory: Memory) -> tf.Tensor:
        return super()._inputs(words, memory) + memory["image"][:, tf.newaxis]

    def _read(
        self, hidden: tf.Tensor, sentinel: tf.Tensor, memory: Memory, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        query = self.query(hidden)
        keys = memory["keys"][:, tf.newaxis] + query[:, :, tf.newaxis]
        energies = self.energy(tf.tanh(keys))[..., 0]
        attention, context = self._look(energies, query, sentinel, memory)
        return self.output_layer(self.dropout(context + hidden, training=training)), attention

    def _look(
        self, energies: tf.Tensor, query: tf.Tensor, sentinel: tf.Tensor, memory: Memory
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Attention [N, T, cells] of the cells' energies, and what it sees [N, T, units]."""
        attention = softmax(energies)
        return attention, tf.matmul(attention, memory["cells"])


class AdaptiveAttentionDecoder(SoftAttentionDecoder):
    """`attention`: it may look at the visual sentinel instead, where language suffices.

    (Equations 8 to 13; the sentinel's share is 1 less the attention's sum.)
    """

    sentinel = True

    def __init__(self, config: DecoderConfig, vocabulary_size: int, cells: int) -> None:
        super().__init__(config, vocabulary_size, cells)
        self.sentinel_key = keras.layers.Dense(
            config.attention_units, use_bias=False, name="sentinel_key"
        )

    def _look(
        self, energies: tf.Tensor, query: tf.Tensor, sentinel: tf.Tensor, memory: Memory
    ) -> tuple[tf.Tensor, tf.Tensor]:
        sentinel_energy = self.energy(tf.tanh(self.sentinel_key(sentinel) + query))
        weights = softmax(tf.concat([energies, sentinel_energy], axis=-1))
        attention, gate = weights[..., : self.cells], weights[..., self.cells :]
        return attention, tf.matmul(attention, memory["cells"]) + gate * sentinel
