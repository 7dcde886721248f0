from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from training.data.ngrams import Rarity
from training.measure.audit.disturbances import DISTURBANCES
from training.measure.audit.robustness import Pixels, Told, odd_pictures, robustness, similarity

RARITY = Rarity({"a": [["a", "dog", "runs"]], "b": [["a", "cat", "sleeps"]], "c": [["a", "man"]]})


def by_brightness(pixels: Pixels) -> list[Told]:
    """A model that knows light from dark."""
    return [
        Told(["a", "dog", "runs"], 0.8) if each.mean() > 100 else Told(["a", "cat"], 0.1)
        for each in pixels
    ]


def equal_scores(captions: Mapping[str, Sequence[str]]) -> Mapping[str, float]:
    return dict.fromkeys(captions, 50.0)


def test_what_does_not_matter_to_the_model_leaves_the_caption() -> None:
    photos = {str(i): np.full((224, 224, 3), 200, np.uint8) for i in range(3)}
    found = robustness(by_brightness, photos, RARITY, equal_scores, threshold=0.5)
    assert set(found) == {"as they are", *DISTURBANCES}
    assert found["mirrored"]["same"]["share"] == 1.0
    assert found["mirrored"]["similarity"]["mean"] == pytest.approx(1.0)
    assert found["dark"]["same"]["share"] == 0.0
    assert found["dark"]["similarity"]["mean"] < 0.5
    assert found["dark"]["confidence"]["mean"] == pytest.approx(0.1)
    assert found["dark"]["uncertain"]["share"] == 1.0
    assert found["as they are"]["uncertain"]["share"] == 0.0


def test_a_model_without_a_confidence_is_never_called_uncertain() -> None:
    def silent(pixels: Pixels) -> list[Told]:
        return [Told(["a"], None) for _ in pixels]

    photos = {"a": np.zeros((224, 224, 3), np.uint8)}
    found = robustness(silent, photos, RARITY, equal_scores, threshold=None)
    assert found["grey"]["uncertain"] is None
    assert found["grey"]["confidence"]["of"] == 0


def test_similarity_is_one_for_equal_captions_and_nought_for_those_without_a_common_word() -> None:
    dog, cat = RARITY.vectors(["dog", "runs"]), RARITY.vectors(["cat", "sleeps"])
    assert similarity(dog, dog) == pytest.approx(1.0)
    assert similarity(dog, cat) == 0.0


def test_each_kind_of_odd_picture_is_reported() -> None:
    found = odd_pictures(by_brightness, 0.5, count=2, seed=3)
    assert {"noise", "blank", "text"} <= set(found)
    assert all(each["uncertain"]["of"] == 2 for each in found.values())
