"""The numbers of a guided search, chosen on dev: ranking weights and the confidence's."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from training.data.lexicons.people import agreed_gender, gender_of
from training.search.confidence import ConfidenceWeights
from training.search.ranking import RankingWeights

Floats = npt.NDArray[np.float64]

TRIES = 4000
MOST = RankingWeights(6.0, 6.0, 1.3, 3.0)  # that is tried
HALLUCINATION = 0.5  # CIDEr that a percent of photos with an object that is not there is worth
GOOD = 0.4  # CIDEr-D from which on a caption counts as good
MOST_WOMEN = 0.09  # share of women that may be called men on dev, with a margin for test
MOST_MEN = 0.03  # of men called women, with a margin, too
STEP = 0.02  # between the thresholds that are tried


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

    def mean_cider(self, weights: RankingWeights, length_penalty: float) -> float:
        """CIDEr of the captions ranked first, times 100 as the tables have it."""
        return 100 * float(self._of_best(self.cider, weights, length_penalty).mean())

    def hallucination(self, weights: RankingWeights, length_penalty: float) -> float:
        """The percentage of captions ranked first that name an object that is not there.

        Of photos of which nobody knows it is not a number.
        """
        absent = self._of_best(self.absent, weights, length_penalty)
        known = absent[~np.isnan(absent)]
        return 100 * float(known.mean()) if len(known) else float("nan")

    def _of_best(self, values: Floats, weights: RankingWeights, length_penalty: float) -> Floats:
        best = self.best(weights, length_penalty)
        return np.take_along_axis(values, best[:, np.newaxis], 1)


def choose_ranking(
    splits: Sequence[Candidates], seed: int = 0
) -> tuple[RankingWeights, float, list[dict[str, float]]]:
    """Ranking weights and length penalty that serve the data sets' dev splits best on average.

    Best is the CIDEr less what objects that are not there cost, of which CIDEr sees little. A
    random search, so that no grid favours a weight; also returns the ten best tries.
    """
    random = np.random.default_rng(seed)
    sizes = [len(each.cider) for each in splits]
    tries = []
    for _ in range(TRIES):
        weights = RankingWeights(*(random.uniform(0, most) for most in MOST))
        penalty = float(random.uniform(0.3, 1.3))
        found: dict[str, float] = {
            "CIDEr": _mean([each.mean_cider(weights, penalty) for each in splits], sizes),
            "hallucination": _known([each.hallucination(weights, penalty) for each in splits]),
            "length_penalty": penalty,
        }
        tries.append(found | weights._asdict())
    tries.sort(key=lambda row: HALLUCINATION * row["hallucination"] - row["CIDEr"])
    # The mean of the twenty best: the single best one is lucky in part.
    *chosen, penalty = (
        round(float(np.mean([row[name] for row in tries[:20]])), 2)
        for name in (*RankingWeights._fields, "length_penalty")
    )
    rows = [{name: round(value, 2) for name, value in row.items()} for row in tries[:10]]
    return RankingWeights(*chosen), penalty, rows


def _mean(ciders: Sequence[float], photos: Sequence[int]) -> float:
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


class Thresholds(NamedTuple):
    """Probabilities below which no word of a gender is written."""

    male: float
    female: float


def masked_rows(probabilities: npt.NDArray[np.float32], least: Thresholds) -> npt.NDArray[np.int64]:
    """What is masked in the captions of photos with these probabilities [N, 2] of a man and of a
    woman: 0 nothing, 1 men, 2 women, 3 both; [N].
    """
    return np.asarray((probabilities < np.array(least)) @ np.array([1, 2]), np.int64)


@dataclass(frozen=True)
class Wordings:
    """The first captions of N photos by what is masked: nothing, men, women, both.

    Where men alone are masked, the search may well write "woman": all four count.
    """

    captions: Sequence[Sequence[str]]  # [4][N]
    cider: Floats  # [N, 4], 0 to 10
    probabilities: npt.NDArray[np.float32]  # [N, 2]: of a man and of a woman
    references: Sequence[Sequence[Sequence[str]]]  # tokenised

    @cached_property
    def _told(self) -> npt.NDArray[np.str_]:
        """The gender that each caption tells, or "": [N, 4]."""
        return np.array([[gender_of(c.split()) or "" for c in each] for each in self.captions]).T

    @cached_property
    def _agreed(self) -> npt.NDArray[np.str_]:
        """The gender that the references agree on, or "": [N]."""
        return np.array([agreed_gender(each, least=2) or "" for each in self.references])

    def masked(self, least: Thresholds) -> npt.NDArray[np.int64]:
        """Which of the four captions each photo gets: [N, 1]."""
        return masked_rows(self.probabilities, least)[:, np.newaxis]

    def called(self, least: Thresholds, gold: str, called: str) -> tuple[int, int]:
        """Photos of one gender whose caption says the other, and photos of that gender."""
        told = np.take_along_axis(self._told, self.masked(least), 1)[:, 0]
        there = self._agreed == gold
        return int((there & (told == called)).sum()), int(there.sum())

    def mean_cider(self, least: Thresholds) -> float:
        """CIDEr, times 100, of the captions that the thresholds give."""
        return 100 * float(np.take_along_axis(self.cider, self.masked(least), 1).mean())


def choose_thresholds(
    splits: Sequence[Wordings],
) -> tuple[Thresholds, list[dict[str, float]]]:
    """The thresholds that cost least CIDEr of those that make no more mistakes than allowed.

    Where none do, those with the fewest mistakes.
    """
    sizes = [len(each.cider) for each in splits]
    free = _mean([each.mean_cider(Thresholds(0.0, 0.0)) for each in splits], sizes)
    rows = []
    for male in np.arange(0.0, 0.75, STEP).round(2).tolist():
        for female in np.arange(0.0, 0.55, STEP).round(2).tolist():
            least = Thresholds(male, female)
            women = np.sum([each.called(least, "female", "male") for each in splits], axis=0)
            men = np.sum([each.called(least, "male", "female") for each in splits], axis=0)
            rows.append(
                {
                    "male": male,
                    "female": female,
                    "cost": free - _mean([each.mean_cider(least) for each in splits], sizes),
                    "women_called_men": float(women[0] / max(women[1], 1)),
                    "men_called_women": float(men[0] / max(men[1], 1)),
                }
            )
    right = [
        row
        for row in rows
        if row["women_called_men"] <= MOST_WOMEN and row["men_called_women"] <= MOST_MEN
    ]
    fewest = min(rows, key=lambda row: row["women_called_men"] + row["men_called_women"])
    best = min(right, key=lambda row: row["cost"], default=fewest)
    return Thresholds(best["male"], best["female"]), [best, *right[:5]]
