"""The gender thresholds, chosen on dev by the captions that the search writes under each mask."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from training.data.lexicons.people import agreed_gender, gender_of
from training.measure.guide import mean_over_sets

Floats = npt.NDArray[np.float64]

MOST_WOMEN = 0.09  # share of women that may be called men on dev, with a margin for test
MOST_MEN = 0.03  # of men called women, with a margin, too
STEP = 0.02  # between the thresholds that are tried


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
    free = mean_over_sets([each.mean_cider(Thresholds(0.0, 0.0)) for each in splits], sizes)
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
                    "cost": free
                    - mean_over_sets([each.mean_cider(least) for each in splits], sizes),
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
