from dataclasses import fields, replace

import numpy as np
import pytest

from training.measure.guide import (
    Candidates,
    choose_ranking,
    fit_confidence,
)
from training.search.ranking import RankingWeights


def candidates() -> Candidates:
    """Two photos of two candidates; the less probable ones hold the evidence and are better."""
    ones = np.ones((2, 2))
    return Candidates(
        log_probs=np.array([[-4.0, -5.0], [-4.0, -5.0]]),
        lengths=8 * ones,
        words=np.array([[0.1, 0.9], [0.2, 0.8]]),
        pairs=0 * ones,
        objects=0 * ones,
        agreement=0 * ones,
        cider=np.array([[0.2, 0.9], [0.1, 0.7]]),
        absent=np.array([[0.0, 1.0], [np.nan, np.nan]]),
    )


def test_without_evidence_the_most_probable_caption_comes_first() -> None:
    found = candidates()
    nothing = RankingWeights(0.0, 0.0, 0.0, 0.0)
    assert found.best(nothing, 0.7).tolist() == [0, 0]
    assert found.measured(nothing, 0.7).cider == pytest.approx(15.0)


def test_the_chosen_ranking_is_the_one_with_the_best_captions() -> None:
    weights, penalty, tried = choose_ranking([candidates()])
    assert candidates().measured(weights, penalty).cider == pytest.approx(80.0)
    assert tried[0]["CIDEr"] == pytest.approx(80.0)


@pytest.mark.parametrize("part", ["words", "pairs", "agreement"])
def test_each_part_of_the_evidence_can_decide(part: str) -> None:
    nothing = dict.fromkeys(("words", "pairs", "agreement"), np.zeros((2, 2)))
    found = replace(candidates(), **nothing | {part: candidates().words})
    weights, penalty, _ = choose_ranking([found])
    assert weights._asdict()[part] > 0
    assert found.measured(weights, penalty).cider == pytest.approx(80.0)


def test_a_little_less_cider_is_paid_for_objects_that_are_there() -> None:
    """The second photo has no labels; of the first, the better caption names what is not there."""
    found = replace(
        candidates(),
        words=np.zeros((2, 2)),
        objects=np.array([[0.0, 0.9], [0.0, 0.0]]),
        log_probs=np.array([[-5.0, -4.5], [-4.0, -5.0]]),
        cider=np.array([[0.85, 0.9], [0.7, 0.1]]),
    )
    weights, penalty, tried = choose_ranking([found])
    assert found.measured(weights, penalty).hallucination == 0
    assert found.measured(weights, penalty).cider == pytest.approx(77.5)
    assert tried[0]["hallucination"] == 0
    dearer = replace(found, cider=np.array([[0.2, 1.6], [0.7, 0.1]]))
    weights, penalty, _ = choose_ranking([dearer])
    assert dearer.measured(weights, penalty).hallucination == 100


def test_data_sets_count_by_the_square_root_of_their_photos() -> None:
    """Eighteen photos lose 30 CIDEr by the evidence that two photos gain 65 by."""
    few = replace(candidates(), absent=np.full((2, 2), np.nan))
    worse = replace(few, cider=np.array([[0.5, 0.2], [0.5, 0.2]]))
    many = Candidates(*(np.repeat(getattr(worse, each.name), 9, 0) for each in fields(worse)))
    weights, penalty, tried = choose_ranking([many, few])
    assert many.measured(weights, penalty).cider == pytest.approx(50.0)
    assert tried[0]["CIDEr"] == pytest.approx((3 * 50 + 15) / 4)
    weights, penalty, _ = choose_ranking([worse, few])
    assert few.measured(weights, penalty).cider == pytest.approx(80.0)


def test_without_labels_only_cider_counts() -> None:
    found = replace(candidates(), absent=np.full((2, 2), np.nan))
    assert np.isnan(found.measured(RankingWeights(1.0, 1.0, 1.0, 1.0), 0.7).hallucination)
    _, _, tried = choose_ranking([found])
    assert tried[0]["hallucination"] == 0
    assert tried[0]["CIDEr"] == pytest.approx(80.0)


def test_the_confidence_follows_what_tells_good_captions_apart() -> None:
    random = np.random.default_rng(0)
    signals = random.normal(size=(400, 6)).astype(np.float32)
    found = fit_confidence(signals, signals[:, 1] > 0)
    assert int(np.argmax(np.abs(found.weights))) == 1
    assert found.weights[1] > 0
