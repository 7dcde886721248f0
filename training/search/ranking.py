"""Which of the candidates of a beam search says what the photo shows.

The tag head gives the probability P of each frequent word and word pair to stand in a person's
caption of the photo. A candidate's evidence is how alike P and the candidate are, both weighted
by rarity: cos(idf * [gram in candidate], idf * P), for words and for pairs. Improbable objects
that it names count against it; agreement with the captions of similar training photos counts for it
(`neighbours.py`).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from training.search.neighbours import pair_keys

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]


class RankingWeights(NamedTuple):
    """What each part of the evidence adds to a candidate's score, chosen on dev."""

    words: float
    pairs: float
    objects: float
    agreement: float


class Ranking(NamedTuple):
    """What the tags of a photo stand for: O objects first, then W words, then P word pairs."""

    objects: int
    words: Ints  # [W]: token ids
    pairs: Ints  # [P, 2]: token ids
    idf: Floats  # [W + P]: rarity of the words and pairs
    object_words: Ints  # [N]: token ids that name an object
    named_objects: Ints  # [N]: the object that each of them names
    vocabulary_size: int
    weights: RankingWeights


class Evidence(NamedTuple):
    """Of candidates [B, K], all float32."""

    words: tf.Tensor  # cosine of its words, 0 to 1
    pairs: tf.Tensor  # cosine of its word pairs, 0 to 1
    objects: tf.Tensor  # sum of 1 - probability over the objects it names
    agreement: tf.Tensor  # with the captions of similar training photos, from 0

    def score(self, weights: RankingWeights) -> tf.Tensor:
        """What is added to log-probability / length ** length_penalty."""
        return (
            weights.words * self.words
            + weights.pairs * self.pairs
            - weights.objects * self.objects
            + weights.agreement * self.agreement
        )


def evidence(
    ranking: Ranking, tags: tf.Tensor, agreement: tf.Tensor, tokens: tf.Tensor
) -> Evidence:
    """The evidence for candidates int32 [B, K, T] in raw tags float32 [B, O + W + P], and their
    agreement float32 [B, K] with similar photos' captions.
    """
    objects, words, pairs = tf.split(
        tf.clip_by_value(tags, 0.0, 1.0),
        [ranking.objects, len(ranking.words), len(ranking.pairs)],
        axis=-1,
    )
    size = ranking.vocabulary_size
    keys = pair_keys(tokens[:, :, :-1], tokens[:, :, 1:], size)
    in_words = _holds(tokens, ranking.words)
    in_pairs = _holds(keys, pair_keys(ranking.pairs[:, 0], ranking.pairs[:, 1], size))
    named = _holds(tokens, ranking.object_words)
    lack = 1 - tf.gather(objects, ranking.named_objects, axis=-1)
    return Evidence(
        words=_cosine(in_words, words, ranking.idf[: len(ranking.words)]),
        pairs=_cosine(in_pairs, pairs, ranking.idf[len(ranking.words) :]),
        objects=tf.linalg.matvec(named, lack),
        agreement=agreement,
    )


def _holds(keys: tf.Tensor, grams: Ints) -> tf.Tensor:
    """1 where any of the keys int32 [B, K, T] is the gram, else 0: float32 [B, K, grams]."""
    return tf.cast(tf.reduce_any(keys[..., tf.newaxis] == grams, axis=2), tf.float32)


def _cosine(holds: tf.Tensor, probable: tf.Tensor, idf: Floats) -> tf.Tensor:
    """Cosine [B, K] of the grams of candidates [B, K, G] and probabilities [B, G], by rarity."""
    product = tf.linalg.matvec(holds, probable * idf**2)
    own = tf.reduce_sum(holds * idf**2, axis=-1)
    photo = tf.reduce_sum((probable * idf) ** 2, axis=-1, keepdims=True)
    return product * tf.math.rsqrt(tf.maximum(own * photo, 1e-9))
