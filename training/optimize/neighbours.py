"""The index of training photos that `search/neighbours.py` asks, from features and captions."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from math import log

import numpy as np
import numpy.typing as npt

from training.data.lexicons.blocked import blocked_ids
from training.data.lexicons.people import people_lexicon
from training.data.text import END, UNK, Vocabulary
from training.models.heads import Floats
from training.optimize.heads import Scale
from training.search.neighbours import NO_PAIR, Neighbours, pair_keys

DIMENSIONS = 128
MOST_PAIRS = 48  # of a photo: those that weigh most
LEAST_PHOTOS = 3  # that hold a pair: no phrase of a single photo is kept

Captions = Sequence[Sequence[str]]  # tokenised


def index_photos(
    pooled: Floats, captions: Sequence[Captions], vocabulary: Vocabulary
) -> Neighbours:
    """The index of photos with features float32 [N, F] and the captions of each."""
    mean, projection = _space(pooled)
    places = (pooled - mean) @ projection
    places /= np.maximum(np.linalg.norm(places, axis=1, keepdims=True), 1e-9)
    counterparts = _counterparts(vocabulary)
    pairs, weights = _pairs(captions, vocabulary, counterparts)
    return Neighbours(
        mean,
        projection.astype(np.float16),
        places.astype(np.float16),
        pairs,
        weights,
        counterparts,
    )


def _counterparts(vocabulary: Vocabulary) -> npt.NDArray[np.int32]:
    """The id of each word's neutral counterpart, of words without one their own: int32 [V].

    Blocked words, which no caption holds, are unknown.
    """
    ids = {word: i for i, word in enumerate(vocabulary.words)}
    neutral = people_lexicon().gendered
    found = np.array([ids.get(neutral.get(word, word), ids[word]) for word in ids], np.int32)
    found[blocked_ids(vocabulary.words)] = UNK
    return found


def _space(pooled: Floats) -> tuple[Floats, Floats]:
    """The mean [F], and a projection [F, D] onto the principal components of the standardised
    features, each over the square root of its deviation: half of whitening, chosen on dev.
    """
    scale = Scale.fit(pooled)
    standardised = scale.of(pooled)
    variances, axes = np.linalg.eigh(standardised.T @ standardised / len(pooled))
    kept = min(DIMENSIONS, len(pooled) - 1, len(variances))
    roots = np.maximum(variances[-kept:], 1e-6) ** 0.25
    projection = axes[:, -kept:] / roots / scale.deviation[:, np.newaxis]
    return scale.mean, np.asarray(projection, np.float32)


def _pairs(
    captions: Sequence[Captions], vocabulary: Vocabulary, counterparts: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float16]]:
    """The pairs of each photo's captions, and idf * share of each: [N, G] both."""
    counts = [_held(group, vocabulary, counterparts) for group in captions]
    photos = Counter(pair for held in counts for pair in held)
    pairs = np.full((len(captions), MOST_PAIRS), NO_PAIR, np.int32)
    weights = np.zeros((len(captions), MOST_PAIRS), np.float16)
    for row, (held, group) in enumerate(zip(counts, captions, strict=True)):
        weighed = {
            pair: log(len(captions) / photos[pair]) * count / len(group)
            for pair, count in held.items()
            if photos[pair] >= LEAST_PHOTOS
        }
        best = sorted(weighed, key=lambda pair: (-weighed[pair], pair))[:MOST_PAIRS]
        pairs[row, : len(best)] = [pair_keys(*pair, len(vocabulary)) for pair in best]
        weights[row, : len(best)] = [weighed[pair] for pair in best]
    return pairs, weights


def _held(
    group: Captions, vocabulary: Vocabulary, counterparts: npt.NDArray[np.int32]
) -> Counter[tuple[int, int]]:
    """How many captions of a photo hold each pair of counterparts, `<end>` among them."""
    held: Counter[tuple[int, int]] = Counter()
    for caption in group:
        ids = counterparts[[*vocabulary.encode(caption)[1:-1], END]].tolist()
        held.update({pair for pair in pairwise(ids) if UNK not in pair})
    return held
