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


def test_a_confidence_that_knows_nothing_is_at_one_half() -> None:
    sure = {str(i): (i % 10) / 10 for i in range(400)}
    scores = {str(i): 100.0 * (i // 10 % 2) for i in range(400)}
    found = confidence(sure, scores, threshold=None)
    assert found["auroc"]["score"] == pytest.approx(0.5, abs=0.05)
    assert found["auroc"]["interval"][0] < 0.5 < found["auroc"]["interval"][1]
    assert found["calibration_error"] > 0.2
    assert found["good_if_uncertain"] is None
