from pathlib import Path

import numpy as np
import pytest

from tests.training.guide_numbers import THRESHOLDS, guide_numbers
from training.data.text import SPECIAL_WORDS, Vocabulary
from training.search.guide_file import load_guide_numbers, people_words

pytestmark = pytest.mark.tensorflow


def test_a_guide_is_read_as_it_was_saved(tmp_path: Path) -> None:
    guide_numbers().save(tmp_path / "guide.npz")
    found, saved = load_guide_numbers(tmp_path / "guide.npz"), guide_numbers()
    assert found.thresholds == pytest.approx(THRESHOLDS)
    assert found.ranking == saved.ranking
    for part in ("heads", "neighbours", "confidence"):
        for each, expected in zip(getattr(found, part), getattr(saved, part), strict=True):
            np.testing.assert_array_equal(each, expected)


@pytest.mark.parametrize(
    ("name", "kept"), [("least", 2), ("confidence_weights", 7), ("heads_people", None)]
)
def test_a_guide_of_an_older_version_says_what_to_run(
    name: str, kept: int | None, tmp_path: Path
) -> None:
    guide_numbers().save(tmp_path / "guide.npz")
    with np.load(tmp_path / "guide.npz") as arrays:
        before = dict(arrays)
    before[name] = before[name][:kept]
    if kept is None:
        del before[name]
    np.savez(tmp_path / "before.npz", **before)
    with pytest.raises(ValueError, match="another version; run `python -m training guide` again"):
        load_guide_numbers(tmp_path / "before.npz")


def test_a_missing_guide_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="python -m training guide"):
        load_guide_numbers(tmp_path / "guide.npz")


def test_words_are_those_of_adults_or_of_children_and_pronouns_go_with_adults() -> None:
    words = ("a", "man", "boys", "his", "women", "girl", "her", "three-boy", "cowboy", "child")
    found = people_words(Vocabulary((*SPECIAL_WORDS, *words)), THRESHOLDS)

    def masked(name: str) -> list[str]:
        mask = getattr(found, name)[len(SPECIAL_WORDS) :]
        return [word for word, each in zip(words, mask, strict=True) if each]

    assert masked("male") == ["man", "his", "cowboy"]
    assert masked("female") == ["women", "her"]
    assert masked("boy") == ["boys", "three-boy"]
    assert masked("girl") == ["girl"]
    assert found.thresholds == THRESHOLDS
