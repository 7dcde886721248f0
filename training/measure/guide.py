"""The numbers of a guided search, chosen on dev: ranking weights and the confidence's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from training.data.lexicons.people import agreed_gender, gender_of
from training.search.confidence import ConfidenceWeights
from training.search.ranking import RankingWeights

Floats = npt.NDArray[np.float64]

TRIES = 4000
GOOD = 0.4  # CIDEr-D from which on a caption counts as good
MOST_WOMEN = 0.09  # share of women that may be called men on dev, with a margin for test
MOST_MEN = 0.045  # of men called women
MOST_COST = 1.0  # CIDEr


@dataclass(frozen=True)
class Candidates:
    """The candidates of N photos, K each, and what ranks them; all [N, K]."""

    log_probs: Floats
    lengths: Floats  # with <end>
    words: Floats
    pairs: Floats
    objects: Floats
    cider: Floats  # CIDEr-D against the references, 0 to 10

    def best(self, weights: RankingWeights, length_penalty: float) -> npt.NDArray[np.int64]:
        """The row of each photo's first caption under these weights."""
        scores = (
            self.log_probs / self.lengths**length_penalty
            + weights.words * self.words
            + weights.pairs * self.pairs
            - weights.objects * self.objects
        )
        return np.asarray(scores.argmax(axis=1))

    def mean_cider(self, weights: RankingWeights, length_penalty: float) -> float:
        """CIDEr of the captions ranked first, times 100 as the tables have it."""
        best = self.best(weights, length_penalty)
        return 100 * float(np.take_along_axis(self.cider, best[:, np.newaxis], 1).mean())


def choose_ranking(
    splits: Sequence[Candidates], seed: int = 0
) -> tuple[RankingWeights, float, list[dict[str, float]]]:
    """Ranking weights and length penalty with the best mean CIDEr over the data sets' dev splits.

    A random search, so that no grid favours a weight; also returns the ten best tries.
    """
    random = np.random.default_rng(seed)
    tries = []
    for _ in range(TRIES):
        weights = RankingWeights(*(random.uniform(0, most) for most in (6.0, 6.0, 1.0)))
        penalty = float(random.uniform(0.3, 1.3))
        ciders = [each.mean_cider(weights, penalty) for each in splits]
        tries.append((float(np.mean(ciders)), weights, penalty, ciders))
    tries.sort(key=lambda each: -each[0])
    top = tries[:20]
    # The mean of the twenty best: the single best one is lucky in part.
    weights = RankingWeights(*(np.mean([each[1] for each in top], axis=0).round(2).tolist()))
    penalty = round(float(np.mean([each[2] for each in top])), 2)
    rows = [
        {"CIDEr": round(mean, 2), **each._asdict(), "length_penalty": penalty_}
        for mean, each, penalty_, _ in tries[:10]
    ]
    return weights, penalty, rows


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


@dataclass(frozen=True)
class Wordings:
    """N photos with the first caption of free and of neutral wording."""

    captions: Sequence[str]  # of free wording
    cider: Floats  # [N, 2]: of the free and of the neutral caption, 0 to 10
    probabilities: npt.NDArray[np.float32]  # [N, 2]: of a man and of a woman
    references: Sequence[Sequence[Sequence[str]]]  # tokenised

    def masked(self, least: Thresholds) -> npt.NDArray[np.bool_]:
        """Which photos get neutral wording, as the words of their caption are not sure enough."""
        told = np.array(
            [
                [gender in (each, "both") for each in ("male", "female")]
                for gender in (gender_of(caption.split()) for caption in self.captions)
            ]
        )
        return np.asarray((told & (self.probabilities < np.array(least))).any(axis=1))

    def called(self, least: Thresholds, gold: str, called: str) -> tuple[int, int]:
        """Photos of one gender whose caption says the other, and photos of that gender."""
        agreed = [agreed_gender(each, least=2) for each in self.references]
        rows = [i for i, each in enumerate(agreed) if each == gold]
        masked = self.masked(least)
        wrong = [i for i in rows if not masked[i] and gender_of(self.captions[i].split()) == called]
        return len(wrong), len(rows)

    def mean_cider(self, least: Thresholds) -> float:
        """CIDEr, times 100, with neutral wording where it is not sure enough."""
        column = self.masked(least).astype(np.int64)[:, np.newaxis]
        return 100 * float(np.take_along_axis(self.cider, column, 1).mean())


def choose_thresholds(
    splits: Sequence[Wordings],
) -> tuple[Thresholds, list[dict[str, float]]]:
    """The thresholds that cost least CIDEr of those that make no more mistakes than allowed.

    Where that costs more than `MOST_COST`, those with the fewest mistakes that do not. The cost is
    estimated by exchanging whole captions; the search with masks finds better ones.
    """
    free = np.mean([each.mean_cider(Thresholds(0.0, 0.0)) for each in splits])
    rows = []
    for male in np.arange(0.0, 0.75, 0.05).round(2).tolist():
        for female in np.arange(0.0, 0.55, 0.05).round(2).tolist():
            least = Thresholds(male, female)
            women = np.sum([each.called(least, "female", "male") for each in splits], axis=0)
            men = np.sum([each.called(least, "male", "female") for each in splits], axis=0)
            rows.append(
                {
                    "male": male,
                    "female": female,
                    "cost": float(free - np.mean([each.mean_cider(least) for each in splits])),
                    "women_called_men": float(women[0] / max(women[1], 1)),
                    "men_called_women": float(men[0] / max(men[1], 1)),
                }
            )
    right = [
        row
        for row in rows
        if row["women_called_men"] <= MOST_WOMEN and row["men_called_women"] <= MOST_MEN
    ]
    best = min(right, key=lambda row: row["cost"], default=rows[0])
    if best["cost"] > MOST_COST or not right:
        cheap = [row for row in rows if row["cost"] <= MOST_COST]
        best = min(cheap, key=lambda row: row["women_called_men"] + row["men_called_women"])
    return Thresholds(best["male"], best["female"]), [best, *right[:5]]
