"""Ranking weights and gender thresholds, each chosen for the captions that the other one gives."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from training.measure.guide import Candidates, choose_ranking, value
from training.measure.thresholds import MASKS, Wordings, choose_thresholds, masked_rows
from training.search.ranking import RankingWeights
from training.search.words import Thresholds

ROUNDS = 3  # the first chooses weights for captions without masks; the best counts


@dataclass(frozen=True)
class MaskedCandidates:
    """The candidates of N photos under each of `MASKS`."""

    candidates: Sequence[Candidates]  # [16]
    captions: Sequence[Sequence[Sequence[str]]]  # [16][N][K]
    seen: npt.NDArray[np.float32]  # [N, 4]: how clearly photos show whom thresholds are of
    references: Sequence[Sequence[Sequence[str]]]  # tokenised

    def under(self, thresholds: Thresholds) -> Candidates:
        """The candidates that these thresholds give."""
        rows = masked_rows(self.seen, thresholds)
        photos = np.arange(len(rows))

        def given(name: str) -> npt.NDArray[np.float64]:
            found = np.stack([getattr(each, name) for each in self.candidates])
            return np.asarray(found[rows, photos])

        return Candidates(**{field.name: given(field.name) for field in fields(Candidates)})

    def wordings(self, weights: RankingWeights, length_penalty: float) -> Wordings:
        """The first captions under these weights."""
        best = [each.best(weights, length_penalty) for each in self.candidates]
        first = [
            [group[k] for group, k in zip(captions, rows.tolist(), strict=True)]
            for captions, rows in zip(self.captions, best, strict=True)
        ]
        both = zip(self.candidates, best, strict=True)
        ciders = [np.take_along_axis(each.cider, rows[:, np.newaxis], 1) for each, rows in both]
        return Wordings(first, np.concatenate(ciders, 1), self.seen, self.references)


class Chosen(NamedTuple):
    ranking: RankingWeights
    length_penalty: float
    thresholds: Thresholds
    tried: list[dict[str, float]]  # the best tries of a ranking
    masks: list[dict[str, Any]]  # the best thresholds


def choose(splits: Sequence[MaskedCandidates]) -> Chosen:
    """Weights and thresholds that serve the data sets' dev splits best on average."""
    given, rounds = [each.under(MASKS[0]) for each in splits], []
    for _ in range(ROUNDS):
        ranking, penalty, tried = choose_ranking(given)
        wordings = [each.wordings(ranking, penalty) for each in splits]
        thresholds, masks = choose_thresholds(wordings)
        given = [each.under(thresholds) for each in splits]
        chosen = Chosen(ranking, penalty, thresholds, tried, masks)
        rounds.append((value(given, ranking, penalty), chosen))
    return max(rounds, key=lambda each: each[0])[1]
