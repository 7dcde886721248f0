import numpy as np
import pytest

from training.measure.reliability import calibration_error, error_by_chance, reliability


def test_the_error_is_how_far_bins_are_from_the_share_of_good_ones() -> None:
    sure = np.repeat([0.3, 0.9], 10)
    good = sure > 0.5
    assert calibration_error(reliability(sure, good)) == pytest.approx((0.3 + 0.1) / 2)
    assert calibration_error(reliability(sure, ~good)) == pytest.approx((0.7 + 0.9) / 2)


def test_fewer_photos_than_bins_are_a_bin_each() -> None:
    bins = reliability(np.array([0.9, 0.1]), np.array([True, False]))
    assert bins == [
        {"confidence": 0.1, "good": 0.0, "photos": 1},
        {"confidence": 0.9, "good": 1.0, "photos": 1},
    ]


def test_a_true_confidence_has_the_error_that_chance_gives() -> None:
    random = np.random.default_rng(0)
    sure = random.uniform(0.2, 0.8, 1000)
    errors = [calibration_error(reliability(sure, random.random(1000) < sure)) for _ in range(20)]
    assert error_by_chance(sure) == pytest.approx(np.mean(errors), abs=0.005)
    assert error_by_chance(sure.round()) == 0.0
