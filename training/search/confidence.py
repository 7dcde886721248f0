"""How likely a caption is to be a good one, from what the graph knows of it.

Two logistic regressions: that the picture is a photo at all (`photo`, from the pooled features),
and that the caption of a photo is good, from its signals. The confidence is their product, since
no caption of noise or of a page of text is good.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from training.search.ranking import Evidence

SIGNALS = ("mean_log_prob", "words", "pairs", "objects", "agreement", "lead", "focus")


class ConfidenceWeights(NamedTuple):
    """Of the signals' logistic regression."""

    mean: npt.NDArray[np.float32]  # [S]
    deviation: npt.NDArray[np.float32]  # [S]
    weights: npt.NDArray[np.float32]  # [S]
    intercept: float


def signals(
    token_log_probs: tf.Tensor,
    lengths: tf.Tensor,
    found: Evidence,
    scores: tf.Tensor,
    attention: tf.Tensor,
) -> tf.Tensor:
    """The signals of ranked captions [B, K, ...], best first: float32 [B, K, S].

    `lead` is the best caption's score above the mean of all, `focus` the log of the most attention
    that a token gave to a cell, over an even share.
    """
    lead = tf.reduce_max(scores, axis=1, keepdims=True) - tf.reduce_mean(scores, 1, keepdims=True)
    cells = attention.shape[-1] * attention.shape[-2]
    most = tf.reduce_max(attention, axis=[2, 3, 4]) * cells
    parts = (
        tf.reduce_sum(token_log_probs, axis=-1) / lengths,
        found.words,
        found.pairs,
        found.objects,
        found.agreement,
        tf.broadcast_to(lead, tf.shape(scores)),
        tf.math.log(tf.maximum(most, 1e-6)),
    )
    return tf.stack(parts, axis=-1)


def confidence(weights: ConfidenceWeights, found: tf.Tensor, photo: tf.Tensor) -> tf.Tensor:
    """From 0 to 1, float32 [B, K], of signals [B, K, S] and probabilities of a photo [B]."""
    standardised = (found - weights.mean) / weights.deviation
    good = tf.sigmoid(tf.linalg.matvec(standardised, weights.weights) + weights.intercept)
    return good * photo[:, tf.newaxis]
