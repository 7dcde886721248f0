import numpy as np
import pytest

from training.measure.intervals import mean, share, wilson


def test_a_share_s_interval_is_wilson_s() -> None:
    # R: prop.test(15, 50, correct = FALSE)$conf.int
    assert wilson(15, 50) == pytest.approx((0.1910, 0.4375), abs=1e-4)


def test_nothing_found_leaves_room_above_and_all_found_below() -> None:
    assert wilson(0, 100) == pytest.approx((0, 0.0370), abs=1e-4)
    assert wilson(100, 100) == pytest.approx((0.9630, 1), abs=1e-4)


def test_a_share_of_none_is_unknown() -> None:
    assert share(0, 0) == {"share": None, "interval": [0.0, 1.0], "hits": 0, "of": 0}


def test_a_mean_lies_in_its_interval_which_shrinks_with_the_numbers() -> None:
    values = np.random.default_rng(0).normal(5, 1, 2000)
    few, many = mean(values[:50]), mean(values)
    assert many["interval"][0] < many["mean"] < many["interval"][1]
    assert np.ptp(many["interval"]) < np.ptp(few["interval"])


def test_a_mean_of_none_is_unknown() -> None:
    assert mean(np.array([])) == {"mean": None, "interval": None, "of": 0}
