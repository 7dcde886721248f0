"""How far a caption agrees with those of the training photos that the photo is most like.

The agreement of a caption c with a photo whose nearest training photos are n = 1..k, of weights
w_n that sum to 1:

    sum over the word pairs g of c of  idf(g) * sum_n w_n * share_n(g),  over sqrt(|c|)

where share_n(g) is the share of n's captions that hold the pair, and |c| counts words and `<end>`.
Captions by nearest neighbours are from Devlin et al. 2015, "Exploring Nearest Neighbor Approaches
for Image Captioning". Words that tell a person's gender are compared by their neutral counterparts,
so that others' captions say nothing about the gender of the people in this photo.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from training.data.text import PAD

Halves = npt.NDArray[np.float16]

NEAREST = 20  # photos that are asked
SHARPNESS = 15.0  # of the softmax over their cosines, which gives the weights
NO_PAIR = -1
BLOCK = 64  # photos whose greatest cosine is looked at first


class Neighbours(NamedTuple):
    """N training photos: where they lie in a space of D dimensions, and what is said of them."""

    mean: npt.NDArray[np.float32]  # [F], of pooled features
    projection: Halves  # [F, D], from them to the space
    places: Halves  # [N, D], of length 1
    pairs: npt.NDArray[np.int32]  # [N, G]: `pair_keys` of their captions' pairs, or NO_PAIR
    weights: Halves  # [N, G]: idf * share, 0 where there is no pair
    counterparts: npt.NDArray[np.int32]  # [V]: the token id that each is compared by


def pair_keys(first: tf.Tensor, second: tf.Tensor, words: int) -> tf.Tensor:
    """A number for each pair of neighbouring token ids of a vocabulary of so many words."""
    return first * words + second


def agreement(neighbours: Neighbours, maps: tf.Tensor, tokens: tf.Tensor) -> tf.Tensor:
    """Float32 [B, K] of captions int32 [B, K, T] of feature maps [B, cells, F]."""
    pooled = tf.reduce_mean(tf.cast(maps, tf.float32), axis=1) - neighbours.mean
    place = tf.matmul(pooled, tf.cast(neighbours.projection, tf.float32))
    cosines = tf.matmul(
        tf.math.l2_normalize(place, axis=-1),
        tf.cast(neighbours.places, tf.float32),
        transpose_b=True,
    )
    nearest, rows = _nearest(cosines)
    share = tf.nn.softmax(SHARPNESS * nearest)[:, :, tf.newaxis]
    weights = share * tf.cast(tf.gather(neighbours.weights, rows), tf.float32)
    said = tf.gather(neighbours.pairs, rows)
    batch, width = tf.shape(tokens)[0], said.shape[1] * said.shape[2]
    compared = tf.gather(neighbours.counterparts, tokens)
    keys = pair_keys(compared[:, :, :-1], compared[:, :, 1:], len(neighbours.counterparts))
    said = tf.reshape(said, [batch, 1, 1, width])
    holds = tf.cast(tf.reduce_any(keys[..., tf.newaxis] == said, axis=2), tf.float32)
    length = tf.reduce_sum(tf.cast(tokens != PAD, tf.float32), axis=-1)
    return tf.linalg.matvec(holds, tf.reshape(weights, [batch, width])) * tf.math.rsqrt(length)


def _nearest(cosines: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Cosines and numbers of the `NEAREST` photos, or all, of cosines float32 [B, N].

    They are in the blocks with the greatest cosines, so only the photos of these are sorted.
    """
    photos = cosines.shape[-1]
    blocks, count = -(-photos // BLOCK), min(NEAREST, photos)
    padded = tf.pad(cosines, [[0, 0], [0, -photos % BLOCK]], constant_values=-float("inf"))
    grid = tf.reshape(padded, [-1, blocks, BLOCK])
    _, chosen = tf.math.top_k(tf.reduce_max(grid, axis=-1), min(count, blocks))
    likely = tf.gather(grid, chosen, batch_dims=1)
    best, place = tf.math.top_k(tf.reshape(likely, [-1, min(count, blocks) * BLOCK]), count)
    block = tf.gather(chosen, place // BLOCK, batch_dims=1)
    return best, block * BLOCK + place % BLOCK
