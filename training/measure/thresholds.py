"""The gender thresholds, chosen on dev by the captions that the search writes under each mask."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from training.data.lexicons.people import agreed_gender, gender_of
from training.search.words import Thresholds

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Seen = npt.NDArray[np.float32]

# Half of what is the aim for other photos, which show more mistakes than those chosen on.
MOST_WOMEN = 0.05  # share of women that may be called men on dev
MOST_MEN = 0.025  # of men called women
KEPT = 6  # thresholds that are written down, the best
TRIED = 32  # of each of the four

NEVER, ALWAYS = 0.0, 2.0  # thresholds by which words are masked
# Of a gender: words of adults, of children.
STATES = ((NEVER, NEVER), (ALWAYS, NEVER), (NEVER, ALWAYS), (ALWAYS, ALWAYS))
MASKS = tuple(
    Thresholds(male, female, boy, girl) for (male, boy), (female, girl) in product(STATES, repeat=2)
)


def masked_rows(seen: Seen, thresholds: Thresholds) -> Ints:
    """The row in `MASKS` of what photos [N, 4] do not show clearly enough: [N]."""
    male, female, boy, girl = (seen < np.asarray(thresholds)).T.astype(int)
    return len(STATES) * _state(male, boy) + _state(female, girl)


def _state(adults: npt.NDArray[Any], children: npt.NDArray[Any]) -> Ints:
    """The row in `STATES`, by whether words of adults and of children are masked."""
    return np.asarray(adults + 2 * children)


@dataclass(frozen=True)
class Wordings:
    """The first captions of N photos under each of `MASKS`.

    Where men alone are masked, the search may well write "woman" or "boy": all 16 count.
    """

    captions: Sequence[Sequence[str]]  # [16][N]
    cider: Floats  # [N, 16], 0 to 10
    seen: Seen  # [N, 4]: how clearly photos show whom the thresholds are of
    references: Sequence[Sequence[Sequence[str]]]  # tokenised

    @cached_property
    def _told(self) -> npt.NDArray[np.str_]:
        """The gender that each caption tells, or "": [N, 16]."""
        return np.array([[gender_of(c.split()) or "" for c in each] for each in self.captions]).T

    @cached_property
    def _agreed(self) -> npt.NDArray[np.str_]:
        """The gender that the references agree on, or "": [N]."""
        return np.array([agreed_gender(each, least=2) or "" for each in self.references])

    def number(self, gold: str) -> int:
        """Photos of one gender."""
        return int((self._agreed == gold).sum())

    def wrong(self, gold: str, called: str) -> Floats:
        """1 where the caption of a photo of one gender says the other, else 0: [N, 16]."""
        return np.asarray((self._agreed == gold)[:, np.newaxis] & (self._told == called), float)

    def called(self, thresholds: Thresholds, gold: str, called: str) -> int:
        """Photos of one gender whose caption says the other."""
        return int(self._given(self.wrong(gold, called), thresholds).sum())

    def mean_cider(self, thresholds: Thresholds) -> float:
        """CIDEr, times 100, of the captions that the thresholds give."""
        return 100 * float(self._given(self.cider, thresholds).mean())

    def _given(self, values: Floats, thresholds: Thresholds) -> Floats:
        """Of values [N, 16] those of the captions that the thresholds give: [N, 1]."""
        rows = masked_rows(self.seen, thresholds)
        return np.take_along_axis(values, rows[:, np.newaxis], 1)

    def totals(self, values: Floats, tried: Sequence[Floats]) -> Floats:
        """The sums of values [N, 16] over the captions that all thresholds give which are tried.

        `tried` are those for men, women, boys and girls, [T] each: [men, women, boys, girls].
        """
        men, women, boys, girls = (self.seen[:, [i]] < each for i, each in enumerate(tried))
        table = values.reshape(-1, len(STATES), len(STATES)).astype(np.float32)
        of_men = np.einsum("nmbs,nsf->mbnf", _states(men, boys), table, optimize=True)
        of_women = np.moveaxis(_states(women, girls), 3, 1)
        return np.tensordot(of_men, of_women, axes=2).transpose(0, 2, 1, 3).astype(float)


def _states(adults: npt.NDArray[np.bool_], children: npt.NDArray[np.bool_]) -> Seen:
    """The state of photos by each pair of thresholds, one-hot: [N, adults, children, 4].

    What is given says below which thresholds the photos are: [N, adults] and [N, children].
    """
    states = _state(adults[:, :, np.newaxis], children[:, np.newaxis])
    return np.eye(len(STATES), dtype=np.float32)[states]


def choose_thresholds(splits: Sequence[Wordings]) -> tuple[Thresholds, list[dict[str, Any]]]:
    """The thresholds that cost least CIDEr of those that make no more mistakes than allowed.

    All photos count alike: masks change few captions, and next to none of a small data set. Where
    all make too many mistakes, those with the fewest; of equal ones the lowest. Also returns the
    best of them, with what they cost on average and by data set.
    """
    tried = _tried(np.concatenate([each.seen for each in splits]))
    ciders = np.sum([each.totals(each.cider, tried) for each in splits], axis=0)
    women, men = (
        np.sum([each.totals(each.wrong(*genders), tried) for each in splits], axis=0)
        / _number(splits, genders[0])
        for genders in (("female", "male"), ("male", "female"))
    )
    right = np.flatnonzero((women <= MOST_WOMEN) & (men <= MOST_MEN))
    best = right[np.argsort(-ciders.flat[right].round(5), kind="stable")][:KEPT]
    if not len(best):
        best = np.array([np.argmin(women + men)])
    found = [
        Thresholds(*(float(each[i]) for each, i in zip(tried, places, strict=True)))
        for places in np.transpose(np.unravel_index(best, ciders.shape)).tolist()
    ]
    return found[0], [_described(splits, each) for each in found]


def _tried(seen: Seen) -> list[Floats]:
    """Thresholds that part photos [N, 4] into equally many, for each column, and 0 and 1."""
    shares = np.linspace(0, 1, TRIED - 2)
    parts = np.quantile(seen.astype(float), shares, axis=0, method="inverted_cdf").round(4)
    return [np.unique([0.0, *each, 1.0]) for each in parts.T]


def _number(splits: Sequence[Wordings], gold: str) -> int:
    """Photos of one gender, at least 1 to divide by."""
    return max(sum(each.number(gold) for each in splits), 1)


def _described(splits: Sequence[Wordings], thresholds: Thresholds) -> dict[str, Any]:
    costs = [each.mean_cider(MASKS[0]) - each.mean_cider(thresholds) for each in splits]
    women = sum(each.called(thresholds, "female", "male") for each in splits)
    men = sum(each.called(thresholds, "male", "female") for each in splits)
    return {
        **thresholds._asdict(),
        "cost": float(np.average(costs, weights=[len(each.cider) for each in splits])),
        "costs": costs,  # of each data set
        "women_called_men": women / _number(splits, "female"),
        "men_called_women": men / _number(splits, "male"),
    }
