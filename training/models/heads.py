"""Logistic regressions on the pooled features that the search asks: who is there, is it a photo."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

Floats = npt.NDArray[np.float32]
HEADS = ("male", "female", "photo")


class Heads(NamedTuple):
    """Weights [F, 3] and bias [3] on features standardised by their mean and deviation [F]."""

    mean: Floats
    deviation: Floats
    weights: Floats
    bias: Floats

    def probabilities(self, maps: tf.Tensor) -> tf.Tensor:
        """Float32 [B, 3] of feature maps [B, cells, F]: the columns are those of `HEADS`."""
        pooled = tf.reduce_mean(tf.cast(maps, tf.float32), axis=1)
        return tf.sigmoid(
            tf.matmul((pooled - self.mean) / self.deviation, self.weights) + self.bias
        )
