import numpy as np
import pytest

from training.data.absent import AbsentPhoto
from training.data.tags import TagNames
from training.optimize.pseudo import AbsentIndex

NAMES = TagNames(("bus", "cat", "dog"), ("cat", "sofa", "street"), (("a", "cat"),))
PHOTOS = [
    AbsentPhoto(
        ("cat",), ["a cat sleeps on a sofa".split(), "there is a cat on the street".split()]
    ),
    AbsentPhoto(("cat", "dog"), ["a cat and a dog on a street".split()]),
    AbsentPhoto(("bus",), ["a bus on the street in town".split(), ["street"]]),
]


@pytest.fixture
def index() -> AbsentIndex:
    return AbsentIndex(PHOTOS, NAMES)


def test_the_nearest_absent_photos_share_the_most_labels(index: AbsentIndex) -> None:
    (cat, bus) = index.neighbours(np.array([[0, 1, 0], [1, 0, 1]], np.float32))
    assert cat.tolist() == [0, 1, 2]
    assert bus[0] == 2


def test_enough_photos_with_the_same_labels_are_not_mixed_with_others() -> None:
    index = AbsentIndex([*PHOTOS, *([PHOTOS[1]] * 8)], NAMES)
    ((*found,),) = index.neighbours(np.array([[0, 1, 1]], np.float32))
    assert found == [1, 3, 4, 5, 6, 7, 8, 9, 10]


def test_shares_are_the_mean_over_the_neighbours(index: AbsentIndex) -> None:
    found = index.shares([np.array([0, 1]), np.array([2])])
    np.testing.assert_allclose(found, np.array([[1, 0.25, 0.75, 1], [0, 0, 1, 0]]))
    np.testing.assert_allclose(index.frequency(), [2 / 3, 1 / 3, 1, 2 / 3])


def test_pseudo_captions_agree_with_the_tags_and_come_from_different_photos(
    index: AbsentIndex,
) -> None:
    neighbours = [np.array([0, 1, 2])]
    idf = np.ones(4, np.float32)
    sofa = np.array([[1, 1, 0, 1]], np.float32)
    (found,) = index.pseudo_captions(neighbours, sofa, idf)
    assert [" ".join(each) for each in found] == [
        "a cat sleeps on a sofa",
        "a cat and a dog on a street",
        "a bus on the street in town",
    ]
    street = np.array([[1, -0.5, 1.4, 0]], np.float32)
    (found,) = index.pseudo_captions(neighbours, street, idf)
    assert " ".join(found[0]) == "there is a cat on the street"
