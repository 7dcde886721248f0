from dataclasses import replace

import numpy as np
import pytest

from training.measure.thresholds import Thresholds, Wordings, choose_thresholds


def wordings() -> Wordings:
    """Nine women, of whom the captions call four men, and nine men who are called so.

    Without "man" the captions say "woman" of everybody, and without that "person".
    """
    women, men = ["a woman", "a lady"], ["a man", "a guy"]
    wrong, right = ["a man runs"] * 4, ["a woman runs"] * 5
    free = [*wrong, *right, *["a man runs"] * 9]
    says = np.array([[0.2, 0.3, 0.2, 0.5]] * 4 + [[0.9, 0.9, 0.5, 0.5]] * 5)
    return Wordings(
        captions=[free, ["a woman runs"] * 18, ["a man runs"] * 18, ["a person runs"] * 18],
        cider=np.concatenate([says, [[0.9, 0.1, 0.9, 0.899]] * 9]),
        probabilities=np.array([[0.4, 0.5]] * 4 + [[0.1, 0.9]] * 5 + [[0.9, 0.1]] * 9, np.float32),
        references=[[each.split() for each in women]] * 9 + [[each.split() for each in men]] * 9,
    )


def test_each_photo_gets_the_caption_without_what_is_not_sure_enough() -> None:
    masked = wordings().masked(Thresholds(0.5, 0.6))[:, 0].tolist()
    assert masked == [3] * 4 + [1] * 5 + [2] * 9


def test_who_is_called_what_follows_from_the_captions_that_the_masks_give() -> None:
    found = wordings()
    assert found.called(Thresholds(0.0, 0.0), "female", "male") == (4, 9)
    assert found.called(Thresholds(0.5, 0.6), "female", "male") == (0, 9)
    assert found.called(Thresholds(0.5, 0.6), "male", "female") == (0, 9)
    assert found.called(Thresholds(0.95, 0.0), "male", "female") == (9, 9)
    assert found.mean_cider(Thresholds(0.5, 0.6)) == pytest.approx(100 * (2 + 4.5 + 8.1) / 18)


def test_the_thresholds_avoid_mistakes_at_the_least_cost() -> None:
    chosen, rows = choose_thresholds([wordings()])
    assert 0.4 < chosen.male <= 0.9
    assert rows[0]["women_called_men"] == 0
    assert rows[0]["men_called_women"] == 0
    assert rows[0]["cost"] < 0


def test_where_no_thresholds_are_good_enough_the_fewest_mistakes_count() -> None:
    found = replace(wordings(), captions=[["a man runs"] * 18] * 4)
    chosen, rows = choose_thresholds([found])
    assert found.called(chosen, "female", "male") == (9, 9)
    assert [row["women_called_men"] for row in rows] == [1.0]
