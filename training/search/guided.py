"""The beam search of a model with tags: ten candidates, ranked by what the photo shows."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from training.data.text import PAD
from training.models.decoder import Decoder
from training.models.heads import Heads
from training.search.beam import Hypotheses, beam_search
from training.search.confidence import ConfidenceWeights, clarity, confidence, signals
from training.search.neighbours import Neighbours, agreement
from training.search.ranking import Evidence, Ranking, evidence
from training.search.rules import Rules
from training.search.words import PeopleWords, forbidden_words

CANDIDATES = 10  # captions that are searched and ranked, however many are asked for


class Guide(NamedTuple):
    """What the search asks beside the decoder."""

    heads: Heads
    ranking: Ranking
    neighbours: Neighbours
    blocked: npt.NDArray[np.bool_]  # [V]: words that are never written
    people_words: PeopleWords
    confidence: ConfidenceWeights


class Guided(NamedTuple):
    """K captions an image, best first."""

    tokens: tf.Tensor  # int32 [B, K, T]
    token_log_probs: tf.Tensor  # float32 [B, K, T]
    scores: tf.Tensor  # float32 [B, K], log-probability / length ** length_penalty + evidence
    attention: tf.Tensor  # float32 [B, K, T, grid, grid]
    confidence: tf.Tensor  # float32 [B, K], 0 to 1
    signals: tf.Tensor  # float32 [B, K, S], what the confidence is made of


def guided_search(
    decoder: Decoder,
    rules: Rules,
    guide: Guide,
    maps: tf.Tensor,
    tags: tf.Tensor,
    beam_size: tf.Tensor,
    max_length: tf.Tensor,
    length_penalty: tf.Tensor,
    people: tf.Tensor,
) -> Guided:
    """The `beam_size` best of `CANDIDATES` captions of maps and raw tags [B, tags].

    `people` is `SEEN` or `NEUTRAL` of `search/words.py`; the other options are `beam_search`'s.
    """
    seen = guide.heads.seen(maps)
    forbidden = forbidden_words(guide.blocked, guide.people_words, seen[:, :-1], people)
    candidates = beam_search(
        decoder,
        rules,
        maps,
        CANDIDATES,
        max_length,
        length_penalty,
        tags=tags,
        forbidden=forbidden,
    )
    agreed = agreement(guide.neighbours, maps, candidates.tokens)
    found = evidence(guide.ranking, tags, agreed, candidates.tokens)
    clear = clarity(tags, guide.ranking.objects, len(guide.ranking.words))
    return _ranked(guide, candidates, found, clear, seen[:, -1], beam_size)


def _ranked(
    guide: Guide,
    candidates: Hypotheses,
    found: Evidence,
    clear: tf.Tensor,
    photo: tf.Tensor,
    beam_size: tf.Tensor,
) -> Guided:
    scores = candidates.scores + found.score(guide.ranking.weights)
    lengths = tf.reduce_sum(tf.cast(candidates.tokens != PAD, tf.float32), axis=-1)
    parts = signals(candidates.token_log_probs, lengths, found, scores, candidates.attention, clear)
    sure = confidence(guide.confidence, parts, photo)
    best, order = tf.math.top_k(scores, beam_size)
    tokens, log_probs, attention, sure, parts = (
        tf.gather(each, order, batch_dims=1)
        for each in (
            candidates.tokens,
            candidates.token_log_probs,
            candidates.attention,
            sure,
            parts,
        )
    )
    return Guided(tokens, log_probs, best, attention, sure, parts)
