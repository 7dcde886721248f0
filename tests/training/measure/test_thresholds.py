from dataclasses import replace
from itertools import product

import numpy as np
import numpy.typing as npt
import pytest

from training.measure import thresholds as chosen_by
from training.measure.thresholds import (
    MASKS,
    Wordings,
    choose_thresholds,
    masked_rows,
)
from training.search.words import Thresholds

UNMASKED = MASKS[0]
LEVELS = (0.25, 0.5, 0.75)


def of_adults(male: float, female: float) -> Thresholds:
    """For data without children."""
    return Thresholds(male, female, 0.0, 0.0)


def both(adults: list[list[float]]) -> npt.NDArray[np.float32]:
    """Children are seen as clearly as adults."""
    return np.tile(np.array(adults, np.float32), 2)


def wordings() -> Wordings:
    """Nine women, of whom the captions call four men, and nine men who are called so.

    Without "man" the captions say "woman" of everybody, and without that "person".
    """
    women, men = ["a woman", "a lady"], ["a man", "a guy"]
    wrong, right = ["a man runs"] * 4, ["a woman runs"] * 5
    free = [*wrong, *right, *["a man runs"] * 9]
    # By what is masked: nothing, men, women, both.
    captions = [free, ["a woman runs"] * 18, ["a man runs"] * 18, ["a person runs"] * 18]
    says = np.array([[0.2, 0.3, 0.2, 0.5]] * 4 + [[0.9, 0.9, 0.5, 0.5]] * 5)
    cider = np.concatenate([says, [[0.9, 0.1, 0.9, 0.899]] * 9])
    rows = [(mask.male > 0) + 2 * (mask.female > 0) for mask in MASKS]
    return Wordings(
        captions=[captions[row] for row in rows],
        cider=cider[:, rows],
        seen=both([[0.4, 0.5]] * 4 + [[0.1, 0.9]] * 5 + [[0.9, 0.1]] * 9),
        references=[[each.split() for each in women]] * 9 + [[each.split() for each in men]] * 9,
    )


def in_two_groups(words: str, of_women: list[float], of_boys: list[float]) -> Wordings:
    """Ten women whom the captions call `words`, men or boys, and ten boys who are called boys.

    What is seen of the women and of the boys is given. Captions of the women gain by the masks
    what those of the boys lose.
    """
    women, boys = ["a woman", "a lady"], ["a boy", "a boy"]

    def captions(mask: Thresholds) -> list[str]:
        masked = {"man": mask.male, "boy": mask.boy}
        adult, child = ("person" if masked[words] else words), ("child" if mask.boy else "boy")
        return [f"a {adult} runs"] * 10 + [f"a {child} runs"] * 10

    cider = [
        [0.3 if "person" in captions(mask)[0] else 0.2, 0.4 if mask.boy else 0.9] for mask in MASKS
    ]
    return Wordings(
        captions=[captions(mask) for mask in MASKS],
        cider=np.repeat(np.array(cider).T, 10, axis=0),
        seen=np.array([of_women] * 10 + [of_boys] * 10, np.float32),
        references=[[each.split() for each in women]] * 10 + [[each.split() for each in boys]] * 10,
    )


def at_random(seed: int, photos: int) -> Wordings:
    random = np.random.default_rng(seed)
    told = random.choice(["a man", "a woman", "a person"], (len(MASKS), photos), p=[0.3, 0.2, 0.5])
    return Wordings(
        captions=told.tolist(),
        cider=random.random((photos, len(MASKS))),
        seen=random.choice(LEVELS, (photos, 4)).astype(np.float32),
        references=[[["a", each]] * 2 for each in random.choice(["man", "woman"], photos).tolist()],
    )


def test_a_mask_is_what_its_own_thresholds_give() -> None:
    seen = np.full((1, 4), 0.5, np.float32)
    assert [masked_rows(seen, mask).item() for mask in MASKS] == list(range(16))


def test_each_photo_gets_the_mask_of_what_it_does_not_show_clearly_enough() -> None:
    thresholds = Thresholds(male=0.6, female=0.5, boy=0.3, girl=0.4)
    seen = [[0.9] * 4, [0.4, 0.9, 0.9, 0.9], [0.9, 0.9, 0.2, 0.9], [0.9, 0.45, 0.9, 0.3], [0.1] * 4]
    masks = [MASKS[row] for row in masked_rows(np.array(seen, np.float32), thresholds).tolist()]
    assert [[name for name, each in mask._asdict().items() if each] for mask in masks] == [
        [],
        ["male"],
        ["boy"],
        ["female", "girl"],
        ["male", "female", "boy", "girl"],
    ]


def test_who_is_called_what_follows_from_the_captions_that_the_masks_give() -> None:
    found = wordings()
    assert found.number("female") == found.number("male") == 9
    assert found.called(UNMASKED, "female", "male") == 4
    assert found.called(of_adults(0.5, 0.6), "female", "male") == 0
    assert found.called(of_adults(0.5, 0.6), "male", "female") == 0
    assert found.called(of_adults(0.95, 0.0), "male", "female") == 9
    assert found.mean_cider(of_adults(0.5, 0.6)) == pytest.approx(100 * (2 + 4.5 + 8.1) / 18)


def test_the_thresholds_avoid_mistakes_at_the_least_cost() -> None:
    chosen, rows = choose_thresholds([wordings()])
    assert 0.4 < chosen.male <= 0.9
    assert rows[0]["women_called_men"] == 0
    assert rows[0]["men_called_women"] == 0
    assert rows[0]["cost"] < 0


@pytest.mark.parametrize("words", ["man", "boy"])
def test_words_of_adults_and_of_children_are_masked_by_thresholds_of_their_own(words: str) -> None:
    found = in_two_groups(words, [0.4, 0.9, 0.2, 0.1], [0.3, 0.1, 0.3, 0.1])
    chosen, rows = choose_thresholds([found])
    assert (chosen.male > 0.4) == (words == "man")
    assert (0.2 < chosen.boy <= 0.3) == (words == "boy")
    assert rows[0]["women_called_men"] == rows[0]["men_called_women"] == 0
    assert rows[0]["cost"] == pytest.approx(-5)


@pytest.mark.parametrize("seed", range(5))
def test_no_other_thresholds_within_the_bounds_cost_less(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chosen_by, "MOST_WOMEN", 0.31)
    monkeypatch.setattr(chosen_by, "MOST_MEN", 0.22)
    splits = [at_random(seed, 90), at_random(100 + seed, 10)]

    def share(thresholds: Thresholds, gold: str, called: str) -> float:
        wrong = sum(each.called(thresholds, gold, called) for each in splits)
        return wrong / sum(each.number(gold) for each in splits)

    def cider(thresholds: Thresholds) -> float:
        first, second = (each.mean_cider(thresholds) for each in splits)
        return (9 * first + second) / 10

    tried = [Thresholds(*row) for row in product([0.0, *LEVELS, 1.0], repeat=4)]
    right = [
        each
        for each in tried
        if share(each, "female", "male") <= 0.31 and share(each, "male", "female") <= 0.22
    ]
    assert 0 < len(right) < len(tried)
    chosen, rows = choose_thresholds(splits)
    assert chosen in right
    assert cider(chosen) == pytest.approx(max(map(cider, right)))
    assert rows[0]["cost"] == pytest.approx(cider(UNMASKED) - cider(chosen))
    assert rows[0]["women_called_men"] == share(chosen, "female", "male")
    assert rows[0]["men_called_women"] == share(chosen, "male", "female")
    costs = [row["cost"] for row in rows]
    assert costs == sorted(costs)


def test_where_no_thresholds_are_good_enough_the_fewest_mistakes_count() -> None:
    found = replace(wordings(), captions=[["a man runs"] * 18] * 16)
    chosen, rows = choose_thresholds([found])
    assert found.called(chosen, "female", "male") == 9
    assert [row["women_called_men"] for row in rows] == [1.0]


def test_photos_of_nobody_need_no_masks() -> None:
    dogs = replace(wordings(), captions=[["a dog"] * 18] * 16, cider=np.ones((18, 16)))
    chosen, rows = choose_thresholds([replace(dogs, references=[[["a", "dog"]]] * 18)])
    assert chosen == UNMASKED
    assert rows[0]["cost"] == 0
