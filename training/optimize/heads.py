"""The logistic regressions of `models/heads.py`, fitted on pooled features."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from training.data.lexicons.people import people_lexicon
from training.models.heads import HEADS, Heads

Floats = npt.NDArray[np.float32]
Captions = Sequence[Sequence[Sequence[str]]]  # tokenised, by photo

PEOPLE_C = 3e-4  # inverse strength of the penalty; chosen on dev by the area under the ROC curve
PHOTO_C = 1e-3
CONTRAST = 0.5  # of the other gender's log-odds; chosen on dev by what the thresholds cost
LEAST_DEVIATION = 1e-3
# Whose nouns speak for words of each, and whose against them.
FOR = {"male": ("male", "boy"), "female": ("female", "girl"), "boy": ("boy",), "girl": ("girl",)}
AGAINST = {"male": "female", "female": "male", "boy": "female", "girl": "male"}


class Linear(NamedTuple):
    """Log-odds: weights [F] and bias."""

    weights: npt.NDArray[np.float64]
    bias: float


def fit_heads(pooled: Floats, captions: Captions, photos: Floats, odd: Floats) -> Heads:
    """Heads for features float32 [N, F] of photos with captions.

    `photos` [P, F] are all training photos, captioned or not, and `odd` [M, F] pictures that are
    none (`measure/oddities.py`). How clearly a man is seen are the log-odds that a caption holds a
    noun of men or boys, less half of the log-odds that one holds a noun of women or girls: where
    it may be a woman, a word of men is a mistake, and not only another choice of words.
    """
    mean = photos.mean(axis=0)
    deviation = photos.std(axis=0) + LEAST_DEVIATION
    inputs, nouns = (pooled - mean) / deviation, people_lexicon().nouns

    def told(whom: Sequence[str]) -> Linear:
        words = frozenset[str]().union(*(nouns[each] for each in whom))
        return _fit_shares(inputs, np.array([_share(group, words) for group in captions]))

    found = {name: told(whom) for name, whom in FOR.items()}
    heads = {name: _less(found[name], found[other]) for name, other in AGAINST.items()}
    pictures = (np.concatenate([photos, odd]) - mean) / deviation
    heads["photo"] = _photo(pictures, len(photos))
    weights = np.stack([heads[name].weights for name in HEADS], axis=1)
    bias = np.array([heads[name].bias for name in HEADS])
    return Heads(mean, deviation, weights.astype(np.float32), bias.astype(np.float32))


def _less(one: Linear, other: Linear) -> Linear:
    return Linear(one.weights - CONTRAST * other.weights, one.bias - CONTRAST * other.bias)


def _share(captions: Sequence[Sequence[str]], words: AbstractSet[str]) -> float:
    return sum(not words.isdisjoint(caption) for caption in captions) / len(captions)


def _fit_shares(inputs: Floats, shares: npt.NDArray[np.float64]) -> Linear:
    """Logistic regression to shares: each photo is a row of either class, weighted."""
    rows = np.concatenate([inputs, inputs])
    classes = np.repeat([True, False], len(shares))
    weights = np.concatenate([shares, 1 - shares])
    return _linear(LogisticRegression(C=PEOPLE_C, max_iter=1000).fit(rows, classes, weights))


def _photo(pictures: Floats, photos: int) -> Linear:
    """Log-odds that a picture is a photo, as the first `photos` of the pictures are."""
    is_photo = np.arange(len(pictures)) < photos
    model = LogisticRegression(C=PHOTO_C, max_iter=1000, class_weight="balanced")
    return _linear(model.fit(pictures, is_photo))


def _linear(model: LogisticRegression) -> Linear:
    return Linear(model.coef_[0], float(model.intercept_[0]))
