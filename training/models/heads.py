"""Logistic regressions on the pooled features that the search asks: who is there, is it a photo."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

Floats = npt.NDArray[np.float32]
HEADS = ("male", "female", "boy", "girl", "photo")


class Heads(NamedTuple):
    """Weights [F, 5] and bias [5] on features standardised by their mean and deviation [F]."""

    mean: Floats
    deviation: Floats
    weights: Floats
    bias: Floats

    def seen(self, maps: tf.Tensor) -> tf.Tensor:
        """How clearly photos show what `HEADS` names, from 0 to 1: float32 [B, 5].

        `maps` are feature maps [B, cells, F].
        """
        pooled = tf.reduce_mean(tf.cast(maps, tf.float32), axis=1)
        return tf.sigmoid(
            tf.matmul((pooled - self.mean) / self.deviation, self.weights) + self.bias
        )
