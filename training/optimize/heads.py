"""The logistic regressions of `models/heads.py`, fitted on features of training photos."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from training.data.lexicons.people import people_lexicon
from training.models.heads import HEADS, Floats, Heads

Captions = Sequence[Sequence[Sequence[str]]]  # tokenised, by photo

PEOPLE_C = 4e-4  # inverse strength of the penalty; chosen on dev by what the thresholds cost
PHOTO_C = 1e-3
CONTRAST = 0.5  # of the other gender's log-odds; chosen likewise
LEAST_DEVIATION = 1e-3
# Whose nouns speak for words of each, and whose against them.
FOR = {"male": ("male", "boy"), "female": ("female", "girl"), "boy": ("boy",), "girl": ("girl",)}
AGAINST = {"male": "female", "female": "male", "boy": "female", "girl": "male"}


class Linear(NamedTuple):
    """Log-odds: weights [F] and bias."""

    weights: npt.NDArray[np.float64]
    bias: float


class Scale(NamedTuple):
    """The mean and deviation [F] of features."""

    mean: Floats
    deviation: Floats

    @classmethod
    def fit(cls, features: Floats) -> "Scale":
        """That of features [N, F]; those that hardly vary do not become large."""
        return cls(features.mean(axis=0), features.std(axis=0) + LEAST_DEVIATION)

    def of(self, features: Floats) -> Floats:
        """Features [N, F], standardised."""
        return (features - self.mean) / self.deviation


def find_people(pooled: Floats, captions: Captions, maps: npt.NDArray[np.float16]) -> Floats:
    """Weights [F] of a cell's features that tell where in a photo people are.

    They are those by which mean features float32 [N, F] of photos tell whether captions name a
    man, a woman, a boy or a girl, over the deviation of what they give to a photo's cells, so that
    the softmax over the cells is as sharp for every encoder. `maps` [M, cells, F] are some photos'.
    """
    scale = Scale.fit(pooled)
    shares = _shares(captions, tuple(FOR))
    weights = _fit_shares(scale.of(pooled), shares).weights / scale.deviation
    told = maps.astype(np.float32) @ weights
    spread = float((told - told.mean(axis=1, keepdims=True)).std())
    return np.asarray(weights / max(spread, LEAST_DEVIATION), np.float32)


def fit_heads(
    people: Floats, sides: Sequence[Floats], captions: Captions, photos: Floats, odd: Floats
) -> Heads:
    """Heads for what `pool` makes of photos by weights `people` [F].

    `sides` are features float32 [N, 2F] of photos with captions and of their mirror images,
    `photos` [P, 2F] those of all training photos, captioned or not, and `odd` [M, 2F] those of
    pictures that are none (`measure/oddities.py`). How clearly a man is seen are the log-odds that
    a caption holds a noun of men or boys, less half of the log-odds that one holds a noun of women
    or girls: where it may be a woman, a word of men is a mistake, and not only another choice of
    words.
    """
    scale = Scale.fit(photos)
    inputs = np.concatenate([scale.of(side) for side in sides])
    shares = {name: np.tile(_shares(captions, whom), len(sides)) for name, whom in FOR.items()}
    found = {name: _fit_shares(inputs, each) for name, each in shares.items()}
    heads = {name: _less(found[name], found[other]) for name, other in AGAINST.items()}
    heads["photo"] = _photo(scale.of(np.concatenate([photos, odd])), len(photos))
    weights = np.stack([heads[name].weights for name in HEADS], axis=1)
    bias = np.array([heads[name].bias for name in HEADS])
    return Heads(people, *scale, weights.astype(np.float32), bias.astype(np.float32))


def _less(one: Linear, other: Linear) -> Linear:
    return Linear(one.weights - CONTRAST * other.weights, one.bias - CONTRAST * other.bias)


def _fit_shares(inputs: Floats, shares: npt.NDArray[np.float64]) -> Linear:
    """Logistic regression to shares [N]: each photo is a row of either class, weighted."""
    rows = np.concatenate([inputs, inputs])
    classes = np.repeat([True, False], len(shares))
    weights = np.concatenate([shares, 1 - shares])
    return _linear(LogisticRegression(C=PEOPLE_C, max_iter=1000).fit(rows, classes, weights))


def _shares(captions: Captions, whom: Sequence[str]) -> npt.NDArray[np.float64]:
    """The shares [N] of photos' captions that hold a noun of such people."""
    nouns = people_lexicon().nouns
    words = frozenset[str]().union(*(nouns[each] for each in whom))
    return np.array(
        [sum(not words.isdisjoint(each) for each in group) / len(group) for group in captions]
    )


def _photo(pictures: Floats, photos: int) -> Linear:
    """Log-odds that a picture is a photo, as the first `photos` of the pictures are."""
    is_photo = np.arange(len(pictures)) < photos
    model = LogisticRegression(C=PHOTO_C, max_iter=1000, class_weight="balanced")
    return _linear(model.fit(pictures, is_photo))


def _linear(model: LogisticRegression) -> Linear:
    return Linear(model.coef_[0], float(model.intercept_[0]))
