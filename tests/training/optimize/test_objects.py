import pytest

from training.optimize.objects import ObjectReward

REWARD = ObjectReward({"photo": ("cat", "couch")}, bonus=0.25, penalty=0.35)


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("a cat on a sofa <end>", 0.25),
        ("a kitten <end>", 0.25),
        ("something nice <end>", 0.0),
        ("a dog and a bus <end>", -0.7),
        ("a cat and a dog <end>", 0.25 - 0.35),
    ],
)
def test_right_objects_are_rewarded_once_and_wrong_ones_each_cost(
    caption: str, expected: float
) -> None:
    assert REWARD.score("photo", caption.split()) == pytest.approx(expected)


def test_nothing_is_known_of_a_photo_without_labels() -> None:
    assert REWARD.score("other", ["a", "dog", "<end>"]) == 0
