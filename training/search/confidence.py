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

SIGNALS = (
    "mean_log_prob",
    "words",
    "pairs",
    "objects",
    "agreement",
    "lead",
    "focus",
    "spread",
    "clear_object",
    "clear_words",
)
FAR = 100.0  # below the best score, where all captions are alike


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
    clear: tf.Tensor,
) -> tf.Tensor:
    """The signals of ranked captions [B, K, ...], best first: float32 [B, K, S].

    `lead` is the best caption's score above the mean of all and `spread` the deviation of all,
    `focus` the log of the most attention that a token gave to a cell, over an even share. `clear`
    float32 [B, 2] is `clarity` of the photo.
    """
    best = tf.reduce_max(scores, axis=1, keepdims=True)
    # With few words there may be fewer captions than candidates: the others' scores are infinite.
    scores = tf.maximum(scores, best - FAR)
    lead = best - tf.reduce_mean(scores, axis=1, keepdims=True)
    cells = attention.shape[-1] * attention.shape[-2]
    most = tf.reduce_max(attention, axis=[2, 3, 4]) * cells
    of_photo = (lead, tf.math.reduce_std(scores, axis=1, keepdims=True), clear[:, :1], clear[:, 1:])
    lead, spread, clear_object, clear_words = (
        tf.broadcast_to(x, tf.shape(scores)) for x in of_photo
    )
    parts = (
        tf.reduce_sum(token_log_probs, axis=-1) / lengths,
        found.words,
        found.pairs,
        found.objects,
        found.agreement,
        lead,
        tf.math.log(tf.maximum(most, 1e-6)),
        spread,
        clear_object,
        clear_words,
    )
    return tf.stack(parts, axis=-1)


def clarity(tags: tf.Tensor, objects: int, words: int) -> tf.Tensor:
    """How clearly a photo shows what captions name, from its raw tags [B, tags]: float32 [B, 2].

    The probability of its likeliest object, 0 where there are no objects, and the mean probability
    of the words, each weighted by its own: 1 if some are certain and the others impossible.
    """
    likely = tf.clip_by_value(tags[:, : objects + words], 0.0, 1.0)
    # The column of zeros is for tags without objects.
    there = tf.reduce_max(tf.pad(likely[:, :objects], [[0, 0], [0, 1]]), axis=1)
    each = likely[:, objects:]
    mean = tf.math.divide_no_nan(tf.reduce_sum(each**2, axis=1), tf.reduce_sum(each, axis=1))
    return tf.stack([there, mean], axis=1)


def confidence(weights: ConfidenceWeights, found: tf.Tensor, photo: tf.Tensor) -> tf.Tensor:
    """From 0 to 1, float32 [B, K], of signals [B, K, S] and probabilities of a photo [B]."""
    standardised = (found - weights.mean) / weights.deviation
    good = tf.sigmoid(tf.linalg.matvec(standardised, weights.weights) + weights.intercept)
    return good * photo[:, tf.newaxis]
