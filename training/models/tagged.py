"""`tagged-attention`: adaptive attention that also reads the tags of the image.

A tag is the expected share of an image's captions that contain a word, or the probability that an
object is there. The tags reach the decoder twice: as a second input of the LSTM beside the image
(semantic attention, You et al. 2016; SCN, Gan et al. 2017), and as evidence that is added to the
logits of the very words they are about, weighted by what the decoder is about to say. Captions
whose photo is missing still have tags, so they can teach the decoder too.
"""

import keras
import tensorflow as tf

from training.config import DecoderConfig
from training.models.attention import AdaptiveAttentionDecoder
from training.models.decoder import Memory
from training.models.precision import full

LEAST = 0.02  # added to a share before its logarithm, so that rare words keep finite evidence
LOWEST, HIGHEST = -4.0, 6.0  # bounds of a standardised tag


class TaggedAttentionDecoder(AdaptiveAttentionDecoder):
    """What the tags of its `T` columns are about is in weights that no step trains."""

    evidence = ("word_evidence", "object_evidence")

    def __init__(self, config: DecoderConfig, vocabulary_size: int, cells: int) -> None:
        super().__init__(config, vocabulary_size, cells)
        self.tags = config.tags
        self.tag = keras.layers.Dense(config.units, name="tag")
        self.tag_norm = keras.layers.LayerNormalization(name="tag_norm")
        self.tag_kernel = keras.layers.Dense(
            self.lstm.gates * config.units,
            use_bias=False,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
            name="tag_kernel",
        )
        self.tag_dropout = keras.layers.Dropout(config.tag_dropout)
        # Evidence starts with a small weight that does not depend on the words before.
        self.gate = keras.layers.Dense(
            2,
            kernel_initializer="zeros",
            bias_initializer=keras.initializers.Constant(-1.0),
            name="gate",
        )
        self.word_scale = self.add_weight(
            name="word_scale", shape=(vocabulary_size,), initializer="ones"
        )
        self.tag_mean = self._fixed("tag_mean", (self.tags,), "zeros")
        self.tag_deviation = self._fixed("tag_deviation", (self.tags,), "ones")
        self.tag_prior = self._fixed("tag_prior", (self.tags,), "zeros")
        nothing = keras.initializers.Constant(self.tags)
        self.word_column = self._fixed("word_column", (vocabulary_size,), nothing, "int32")
        self.object_column = self._fixed("object_column", (vocabulary_size,), nothing, "int32")
        self.sharpness = self._fixed("sharpness", (), "ones")

    def _fixed(
        self, name: str, shape: tuple[int, ...], initializer: object, dtype: str = "float32"
    ) -> keras.Variable:
        return self.add_weight(
            name=name, shape=shape, initializer=initializer, dtype=dtype, trainable=False
        )

    def remember(
        self, maps: tf.Tensor | None, training: bool, tags: tf.Tensor | None = None
    ) -> Memory:
        """Without `tags`, those of an average image; without `maps`, captions without photos."""
        if tags is None:
            if maps is None:
                raise ValueError("a caption without a photo needs tags")
            tags = tf.repeat(full(self.tag_prior)[tf.newaxis], tf.shape(maps)[0], axis=0)
        shares = tf.clip_by_value(tags[:, : self.tags], 0.0, 1.0)
        seen = self._look_at(maps, tf.shape(shares)[0], training)
        return seen | {
            "image": seen["image"] + self.tag_kernel(self._read_tags(shares, training)),
            "word_evidence": full(self.word_scale) * self._evidence(shares, self.word_column),
            "object_evidence": self._evidence(shares, self.object_column),
        }

    def _look_at(self, maps: tf.Tensor | None, captions: tf.Tensor, training: bool) -> Memory:
        """The memory of the adaptive decoder; where there are no maps, only cells' positions."""
        if maps is None:
            cells = tf.cast(self.position, self.compute_dtype)[tf.newaxis]
            image = self.lstm(tf.zeros([1, self.units]))
            alone = {"image": image, "cells": cells, "keys": self.key(cells)}
            return {name: tf.repeat(each, captions, axis=0) for name, each in alone.items()}
        # Dropped after normalisation: most raw features are zero already.
        image = self.image_norm(self.image(tf.reduce_mean(maps, axis=1)))
        cells = self.feature_dropout(self.cell_norm(self.cell(maps)), training=training)
        cells += tf.cast(self.position, cells.dtype)
        return {
            "image": self.lstm(self.feature_dropout(image, training=training)),
            "cells": cells,
            "keys": self.key(cells),
        }

    def _read_tags(self, shares: tf.Tensor, training: bool) -> tf.Tensor:
        """The tags as one vector float32 [B, units]."""
        standardised = tf.clip_by_value(
            (shares - full(self.tag_mean)) / full(self.tag_deviation), LOWEST, HIGHEST
        )
        if not self.tags:  # oneDNN aborts the process on a product of matrices without columns
            standardised = tf.zeros([tf.shape(shares)[0], 1])
        return self.tag_norm(self.tag(self.tag_dropout(standardised, training=training)))

    def _evidence(self, shares: tf.Tensor, column: tf.Tensor) -> tf.Tensor:
        """By how much each word's tag exceeds its prior, in nats: float32 [B, V]."""
        excess = tf.math.log((shares + LEAST) / (full(self.tag_prior) + LEAST))
        # The last column is that of words without a tag.
        return tf.gather(tf.pad(excess, [[0, 0], [0, 1]]), column, axis=1)

    def logits(self, outputs: tf.Tensor, memory: Memory) -> tf.Tensor:
        words, objects = (memory[name][:, tf.newaxis] for name in self.evidence)
        gates = tf.cast(tf.nn.softplus(self.gate(outputs)), tf.float32)
        gates = tf.reshape(gates, [tf.shape(words)[0], -1, 2])
        weighted = gates[..., :1] * words + gates[..., 1:] * objects
        scores = super().logits(outputs, memory)
        return full(self.sharpness) * (scores + tf.reshape(weighted, tf.shape(scores)))

    def sharpen(self, temperature: float) -> None:
        # Not by what it is: a run may begin with a decoder that is sharp already.
        self.sharpness.assign(1 / temperature)
