"""The numbers of a guided search, chosen on dev: ranking weights and the confidence's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from training.search.confidence import ConfidenceWeights
from training.search.ranking import RankingWeights

Floats = npt.NDArray[np.float64]

TRIES = 4000
MOST = RankingWeights(4.0, 4.0, 1.3, 1.0)  # that is tried
BEST = 100  # tries whose mean is chosen, as `MOST` by what half of dev gives on the other half
HALLUCINATION = 0.5  # CIDEr that a percent of photos with an object that is not there is worth
GOOD = 0.4  # CIDEr-D from which on a caption counts as good


@dataclass(frozen=True)
class Candidates:
    """The candidates of N photos, K each, and what ranks them; all [N, K]."""

    log_probs: Floats
    lengths: Floats  # with <end>
    words: Floats
    pairs: Floats
    objects: Floats
    agreement: Floats
    cider: Floats  # CIDEr-D against the references, 0 to 10
    absent: Floats  # 1 if it names an object that is not there; no number where nobody knows

    def best(self, weights: RankingWeights, length_penalty: float) -> npt.NDArray[np.int64]:
        """The row of each photo's first caption under these weights."""
        scores = (
            self.log_probs / self.lengths**length_penalty
            + weights.words * self.words
            + weights.pairs * self.pairs
            - weights.objects * self.objects
            + weights.agreement * self.agreement
        )
        return np.asarray(scores.argmax(axis=1))

    def measured(self, weights: RankingWeights, length_penalty: float) -> "Measured":
        """What the captions ranked first under these weights are worth."""
        rows = self.best(weights, length_penalty)[:, np.newaxis]
        cider, absent = (np.take_along_axis(each, rows, 1) for each in (self.cider, self.absent))
        known = absent[~np.isnan(absent)]
        hallucination = 100 * float(known.mean()) if len(known) else float("nan")
        return Measured(100 * float(cider.mean()), hallucination)


class Measured(NamedTuple):
    """Of captions ranked first."""

    cider: float  # times 100 as the tables have it
    # The percentage that name an object that is not there; no number if nobody knows of any photo.
    hallucination: float


def choose_ranking(
    splits: Sequence[Candidates], seed: int = 0
) -> tuple[RankingWeights, float, list[dict[str, float]]]:
    """Ranking weights and length penalty that serve the data sets' dev splits best on average.

    Best is the CIDEr less what objects that are not there cost, of which CIDEr sees little. A
    random search, so that no grid favours a weight; also returns the ten best tries.
    """
    random = np.random.default_rng(seed)
    tries = []
    for _ in range(TRIES):
        weights = RankingWeights(*(random.uniform(0, most) for most in MOST))
        penalty = float(random.uniform(0.3, 1.3))
        found = measures(splits, weights, penalty) | {"length_penalty": penalty}
        tries.append(found | weights._asdict())
    tries.sort(key=_value, reverse=True)
    # The mean of the best ones: the single best is lucky in part.
    *chosen, penalty = (
        round(float(np.mean([row[name] for row in tries[:BEST]])), 2)
        for name in (*RankingWeights._fields, "length_penalty")
    )
    rows = [{name: round(value, 2) for name, value in row.items()} for row in tries[:10]]
    return RankingWeights(*chosen), penalty, rows


def value(splits: Sequence[Candidates], weights: RankingWeights, length_penalty: float) -> float:
    """CIDEr under these weights, less what objects that are not there cost."""
    return _value(measures(splits, weights, length_penalty))


def measures(
    splits: Sequence[Candidates], weights: RankingWeights, length_penalty: float
) -> dict[str, float]:
    """CIDEr under these weights, and photos with an object that is not there in percent."""
    found = [each.measured(weights, length_penalty) for each in splits]
    ciders, absent = zip(*found, strict=True)
    sizes = [len(each.cider) for each in splits]
    return {"CIDEr": mean_over_sets(ciders, sizes), "hallucination": _known(absent)}


def _value(measured: dict[str, float]) -> float:
    return measured["CIDEr"] - HALLUCINATION * measured["hallucination"]


def mean_over_sets(ciders: Sequence[float], photos: Sequence[int]) -> float:
    """The mean over data sets, each by the square root of its photos.

    Its standard error falls with that root: what 150 photos gain is chance more often than what
    1,000 gain.
    """
    return float(np.average(ciders, weights=np.sqrt(photos)))


def _known(values: Sequence[float]) -> float:
    """The mean of those that are numbers, or 0."""
    known = [each for each in values if not np.isnan(each)]
    return float(np.mean(known)) if known else 0.0


def fit_confidence(
    signals: npt.NDArray[np.float32], good: npt.NDArray[np.bool_]
) -> ConfidenceWeights:
    """Logistic regression from signals [N, S] of first captions to whether they are good."""
    mean, deviation = signals.mean(axis=0), signals.std(axis=0) + 1e-6
    model = LogisticRegression(C=1.0, max_iter=1000).fit((signals - mean) / deviation, good)
    return ConfidenceWeights(
        mean.astype(np.float32),
        deviation.astype(np.float32),
        model.coef_[0].astype(np.float32),
        float(model.intercept_[0]),
    )
