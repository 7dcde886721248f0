"""Logistic regressions on the features that the search asks: who is there, is it a photo."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

Floats = npt.NDArray[np.float32]
HEADS = ("male", "female", "boy", "girl", "photo")


class Heads(NamedTuple):
    """Weights [2F, 5] and bias [5] on features standardised by their mean and deviation [2F].

    The features are those of `pool`, by weights `people` [F].
    """

    people: Floats
    mean: Floats
    deviation: Floats
    weights: Floats
    bias: Floats

    def seen(self, maps: tf.Tensor) -> tf.Tensor:
        """How clearly photos show what `HEADS` names, from 0 to 1: float32 [B, 5].

        `maps` are feature maps [B, cells, F].
        """
        features = (pool(maps, self.people) - self.mean) / self.deviation
        return tf.sigmoid(tf.matmul(features, self.weights) + self.bias)


def pool(maps: tf.Tensor, people: Floats) -> tf.Tensor:
    """The mean of all cells, and that of where people are, side by side: float32 [B, 2F].

    `people` [F] weigh a cell's features; the softmax of the sums says how much each cell counts.
    """
    cells = tf.cast(maps, tf.float32)
    likely = tf.nn.softmax(tf.linalg.matvec(cells, people))
    there = tf.reduce_sum(cells * likely[:, :, tf.newaxis], axis=1)
    return tf.concat([tf.reduce_mean(cells, axis=1), there], axis=1)
