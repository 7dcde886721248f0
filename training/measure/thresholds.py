"""The gender thresholds, chosen on dev by the captions that the search writes under each mask."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from training.data.lexicons.people import agreed_gender, gender_of
from training.measure.guide import mean_over_sets
from training.search.words import Thresholds

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOST_WOMEN = 0.09  # share of women that may be called men on dev, with a margin for test
MOST_MEN = 0.03  # of men called women, with a margin, too
KEPT = 6  # thresholds that are written down, the best
STEP = 0.02
MALE = np.arange(0.0, 0.75, STEP).round(2)  # the thresholds that are tried
FEMALE = np.arange(0.0, 0.55, STEP).round(2)

NEVER, ALWAYS = 0.0, 2.0  # thresholds by which words are masked
STATES = ((NEVER, NEVER), (ALWAYS, NEVER), (ALWAYS, ALWAYS))  # of a gender: adults, children
MASKS = tuple(
    Thresholds(male, female, boy, girl) for (male, boy), (female, girl) in product(STATES, repeat=2)
)


def masked_rows(probabilities: npt.NDArray[np.float32], thresholds: Thresholds) -> Ints:
    """Which of `MASKS` photos get that have these probabilities [N, 2] of a man and a woman: [N].

    Each gender has three states, of which the row is made: nothing is masked, the words of adults,
    or those of children, too.
    """
    adults, children = np.reshape(thresholds, (2, 2))
    states = (probabilities < adults).astype(int) + (probabilities < children)
    return np.asarray(states @ [len(STATES), 1])


@dataclass(frozen=True)
class Wordings:
    """The first captions of N photos under each of `MASKS`.

    Where men alone are masked, the search may well write "woman": all nine count.
    """

    captions: Sequence[Sequence[str]]  # [9][N]
    cider: Floats  # [N, 9], 0 to 10
    probabilities: npt.NDArray[np.float32]  # [N, 2]: of a man and of a woman
    references: Sequence[Sequence[Sequence[str]]]  # tokenised

    @cached_property
    def _told(self) -> npt.NDArray[np.str_]:
        """The gender that each caption tells, or "": [N, 9]."""
        return np.array([[gender_of(c.split()) or "" for c in each] for each in self.captions]).T

    @cached_property
    def _agreed(self) -> npt.NDArray[np.str_]:
        """The gender that the references agree on, or "": [N]."""
        return np.array([agreed_gender(each, least=2) or "" for each in self.references])

    def number(self, gold: str) -> int:
        """Photos of one gender."""
        return int((self._agreed == gold).sum())

    def wrong(self, gold: str, called: str) -> Floats:
        """1 where the caption of a photo of one gender says the other, else 0: [N, 9]."""
        return np.asarray((self._agreed == gold)[:, np.newaxis] & (self._told == called), float)

    def called(self, thresholds: Thresholds, gold: str, called: str) -> int:
        """Photos of one gender whose caption says the other."""
        return int(self._given(self.wrong(gold, called), thresholds).sum())

    def mean_cider(self, thresholds: Thresholds) -> float:
        """CIDEr, times 100, of the captions that the thresholds give."""
        return 100 * float(self._given(self.cider, thresholds).mean())

    def _given(self, values: Floats, thresholds: Thresholds) -> Floats:
        """Of values [N, 9] those of the captions that the thresholds give: [N, 1]."""
        rows = masked_rows(self.probabilities, thresholds)
        return np.take_along_axis(values, rows[:, np.newaxis], 1)

    def totals(self, values: Floats) -> Floats:
        """The sums of values [N, 9] over the captions that all thresholds give which are tried.

        [pairs of men and boys, pairs of women and girls]. Photos whose probabilities lie between
        the same thresholds get the same masks, so that their values are added up first.
        """
        table = np.zeros((len(MALE) + 1, len(FEMALE) + 1, len(STATES), len(STATES)))
        men, women = self.probabilities.T
        places = np.searchsorted(MALE, men, "right"), np.searchsorted(FEMALE, women, "right")
        np.add.at(table, places, values.reshape(-1, len(STATES), len(STATES)))
        found = np.einsum("mps,pqst,wqt->mw", _states(MALE), table, _states(FEMALE), optimize=True)
        return np.asarray(found)


def _pairs(tried: Floats) -> Ints:
    """Each threshold of adults with each of children that is not above it, as indices: [P, 2]."""
    return np.stack(np.tril_indices(len(tried)), axis=1)


def _states(tried: Floats) -> Floats:
    """Which state each pair of thresholds gives a probability, by how many of those tried are not
    above it: one-hot [P, tried + 1, 3].
    """
    below = np.arange(len(tried) + 1) <= _pairs(tried)[:, :, np.newaxis]
    return np.asarray(np.eye(len(STATES))[below.sum(axis=1)])


def choose_thresholds(splits: Sequence[Wordings]) -> tuple[Thresholds, list[dict[str, Any]]]:
    """The thresholds that cost least CIDEr of those that make no more mistakes than allowed.

    Where none do, those with the fewest mistakes; of equal ones the lowest. All that are tried
    are compared. Also returns the best of them, with what they cost on average and by data set.
    """
    sizes = [len(each.cider) for each in splits]
    ciders = mean_over_sets([each.totals(each.cider / len(each.cider)) for each in splits], sizes)
    women, men = (
        sum(each.totals(each.wrong(*genders)) for each in splits) / _number(splits, genders[0])
        for genders in (("female", "male"), ("male", "female"))
    )
    right = np.flatnonzero((women <= MOST_WOMEN) & (men <= MOST_MEN))
    best = right[np.argsort(-ciders.flat[right].round(9), kind="stable")][:KEPT]
    if not len(best):
        best = np.array([np.argmin(women + men)])
    found = [_tried(*np.unravel_index(each, ciders.shape)) for each in best]
    return found[0], [_described(splits, each) for each in found]


def _number(splits: Sequence[Wordings], gold: str) -> int:
    """Photos of one gender, at least 1 to divide by."""
    return max(sum(each.number(gold) for each in splits), 1)


def _tried(men: np.intp, women: np.intp) -> Thresholds:
    """The thresholds of a row and a column of `totals`."""
    (male, boy), (female, girl) = MALE[_pairs(MALE)[men]], FEMALE[_pairs(FEMALE)[women]]
    return Thresholds(float(male), float(female), float(boy), float(girl))


def _described(splits: Sequence[Wordings], thresholds: Thresholds) -> dict[str, Any]:
    costs = [each.mean_cider(MASKS[0]) - each.mean_cider(thresholds) for each in splits]
    women = sum(each.called(thresholds, "female", "male") for each in splits)
    men = sum(each.called(thresholds, "male", "female") for each in splits)
    return {
        **thresholds._asdict(),
        "cost": float(mean_over_sets(costs, [len(each.cider) for each in splits])),
        "costs": costs,  # of each data set
        "women_called_men": women / _number(splits, "female"),
        "men_called_women": men / _number(splits, "male"),
    }
