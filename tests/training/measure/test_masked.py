from dataclasses import replace

import numpy as np
import pytest

from training.measure.guide import Candidates
from training.measure.masked import MaskedCandidates, choose
from training.measure.thresholds import MASKS
from training.search.ranking import RankingWeights
from training.search.words import Thresholds

PHOTOS = 12
WORDS = RankingWeights(words=1.0, pairs=0.0, objects=0.0, agreement=0.0)


def candidates(better: int, worse: float = 0.2) -> Candidates:
    """Two for each photo: one that is more probable, and one with more evidence of words.

    The one of number `better` has more CIDEr.
    """
    rows = np.ones((PHOTOS, 2))
    return Candidates(
        log_probs=np.array([-3.0, -5.0]) * rows,
        lengths=10 * rows,
        words=np.array([0.0, 0.8]) * rows,
        pairs=0 * rows,
        objects=0 * rows,
        agreement=0 * rows,
        cider=np.where(np.arange(2) == better, 0.9, worse) * rows,
        absent=0 * rows,
    )


def of_women() -> MaskedCandidates:
    """Photos of women whose captions say "man" wherever they may; the masks tell the rest.

    Without masks the probable captions are better, and where men are masked the others.
    """
    free, masked = ["a man runs", "a man walks"], ["a person runs", "a person walks"]
    return MaskedCandidates(
        candidates=[candidates(better=1 if any(mask) else 0) for mask in MASKS],
        captions=[[masked if mask.male else free] * PHOTOS for mask in MASKS],
        seen=np.array([[0.3, 0.9, 0.3, 0.9]] * PHOTOS, np.float32),
        references=[[["a", "woman"], ["a", "lady"]]] * PHOTOS,
    )


def test_each_photo_gets_the_candidates_of_what_is_masked_for_it() -> None:
    seen = [[0.9, 0.9, 0.9, 0.9], [0.1, 0.9, 0.4, 0.9], [0.9, 0.1, 0.1, 0.1]]
    found = replace(
        of_women(),
        candidates=[replace(candidates(0), pairs=np.full((PHOTOS, 2), i)) for i in range(16)],
        seen=np.repeat(np.array(seen, np.float32), 4, axis=0),
    )
    given = found.under(Thresholds(male=0.5, female=0.5, boy=0.3, girl=0.3))
    masks = [MASKS[int(row)] for row in given.pairs[::4, 0]]
    assert [[each > 0 for each in mask] for mask in masks] == [
        [False, False, False, False],
        [True, False, False, False],
        [False, True, True, True],
    ]


def test_the_wordings_are_the_first_captions_of_each_mask() -> None:
    found = of_women().wordings(WORDS, 0.7)
    assert [each[0] for each in found.captions] == [
        "a person walks" if mask.male else "a man walks" for mask in MASKS
    ]
    assert found.cider[0].tolist() == pytest.approx([0.2] + [0.9] * 15)


def test_the_ranking_is_chosen_for_the_captions_that_the_masks_leave() -> None:
    chosen = choose([of_women()])
    assert chosen.thresholds.male > 0.3
    assert chosen.masks[0]["women_called_men"] == 0
    assert (
        of_women().candidates[-1].best(chosen.ranking, chosen.length_penalty).tolist()
        == [1] * PHOTOS
    )
