import numpy as np
import pytest

from training.measure.audit.confidence import confidence


def test_a_confidence_that_sorts_and_is_true_gets_full_marks() -> None:
    sure = {str(i): float(i >= 50) for i in range(100)}
    scores = {name: 100.0 * value for name, value in sure.items()}
    found = confidence(sure, scores, threshold=0.5)
    assert found["auroc"]["score"] == 1.0
    assert found["calibration_error"] == 0.0
    assert found["good_if_certain"]["share"] == 1.0
    assert found["good_if_uncertain"]["share"] == 0.0


def test_a_true_confidence_is_told_the_error_that_chance_gives_it() -> None:
    random = np.random.default_rng(0)
    sure = dict(zip(map(str, range(1000)), random.uniform(0.2, 0.8, 1000).tolist(), strict=True))
    errors = []
    for _ in range(20):
        scores = {name: 100.0 * (random.random() < value) for name, value in sure.items()}
        found = confidence(sure, scores, threshold=None)
        errors.append(found["calibration_error"])
    assert found["calibration_error_by_chance"] == pytest.approx(np.mean(errors), abs=0.005)
    certain = {name: float(round(value)) for name, value in sure.items()}
    assert confidence(certain, scores, None)["calibration_error_by_chance"] == 0.0


def test_a_confidence_that_knows_nothing_is_at_one_half() -> None:
    sure = {str(i): (i % 10) / 10 for i in range(400)}
    scores = {str(i): 100.0 * (i // 10 % 2) for i in range(400)}
    found = confidence(sure, scores, threshold=None)
    assert found["auroc"]["score"] == pytest.approx(0.5, abs=0.05)
    assert found["auroc"]["interval"][0] < 0.5 < found["auroc"]["interval"][1]
    assert found["calibration_error"] > 0.2
    assert found["good_if_uncertain"] is None
