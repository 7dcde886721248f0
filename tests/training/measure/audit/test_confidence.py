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


@pytest.mark.parametrize(("score", "said"), [(100.0, "all of the 3"), (0.0, "none of the 3")])
def test_where_nothing_can_be_told_apart_it_says_so(score: float, said: str) -> None:
    sure = dict.fromkeys("abc", 0.5)
    with pytest.raises(ValueError, match=said):
        confidence(sure, dict.fromkeys(sure, score), threshold=0.5)
