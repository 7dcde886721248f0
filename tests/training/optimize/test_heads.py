from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from training.data.features import mean_of_cells
from training.models.heads import HEADS, Floats, Heads, pool
from training.optimize.heads import find_people, fit_heads

pytestmark = pytest.mark.tensorflow

Maps = npt.NDArray[np.float16]
KINDS = {"a man runs": 0, "a woman runs": 1, "a boy runs": 2, "a girl runs": 3, "a dog runs": 4}


def photo(*kinds: int) -> Maps:
    """The maps [1, 4, 6] of a photo that shows such kinds, one in a cell, and is one."""
    found = np.zeros((1, 4, 6), np.float16)
    found[0, :, 5] = 1
    for cell, kind in enumerate(kinds):
        found[0, cell, kind] = 4
    return found


@pytest.fixture(scope="module")
def maps() -> Maps:
    """Of photos of men, women, boys, girls and dogs, each kind with a feature of its own."""
    return np.concatenate([photo(kind) for kind in KINDS.values()] * 200)


@pytest.fixture(scope="module")
def captions() -> list[list[list[str]]]:
    return [[caption.split()] for caption in KINDS] * 200


@pytest.fixture(scope="module")
def people(maps: Maps, captions: list[list[list[str]]]) -> Floats:
    return find_people(mean_of_cells(maps), captions, maps)


@pytest.fixture(scope="module")
def heads(maps: Maps, captions: list[list[list[str]]], people: Floats) -> Heads:
    features = pool(maps, people).numpy()
    none = pool(np.zeros((50, 4, 6), np.float16), people).numpy()
    return fit_heads(people, [features, features], captions, features, none)


def seen(heads: Heads, *kinds: int) -> dict[str, Any]:
    return dict(zip(HEADS, heads.seen(tf.constant(photo(*kinds))).numpy()[0].tolist(), strict=True))


def test_the_second_half_of_the_features_is_of_where_people_are(people: Floats) -> None:
    """A dog in another cell changes the mean of all cells, and hardly that of the man's."""
    alone, beside = pool(np.concatenate([photo(0), photo(0, 4)]), people).numpy()
    man, dog = people[0], people[4]
    assert man > dog
    assert beside[4] == alone[4] + 1  # a quarter of the dog's cell
    assert beside[6 + 0] > 2 * beside[0]
    assert beside[6 + 4] < beside[4]


@pytest.mark.parametrize(
    ("name", "kinds"), [("male", (0, 2)), ("female", (1, 3)), ("boy", (2,)), ("girl", (3,))]
)
def test_people_are_seen_where_captions_tell_of_them(
    heads: Heads, name: str, kinds: tuple[int, ...]
) -> None:
    """Words of men may be written of boys, but not those of boys of men."""
    clearness = [seen(heads, kind)[name] for kind in range(5)]
    assert sorted(np.argsort(clearness)[-len(kinds) :].tolist()) == list(kinds)


def test_a_man_is_seen_less_clearly_where_a_woman_may_be(heads: Heads) -> None:
    man, both, dog = seen(heads, 0), seen(heads, 0, 1), seen(heads, 4)
    assert man["male"] > both["male"] > seen(heads, 1)["male"]
    assert man["male"] > dog["male"] > seen(heads, 1)["male"]
    assert seen(heads, 2)["boy"] > seen(heads, 2, 3)["boy"] > seen(heads, 3)["boy"]


def test_a_picture_without_a_photo_s_features_is_none(heads: Heads) -> None:
    empty = tf.zeros([1, 4, 6])
    assert seen(heads, 0)["photo"] > 0.5 > float(heads.seen(empty).numpy()[0, -1])


def test_where_no_caption_tells_of_people_nobody_is_seen(maps: Maps) -> None:
    captions = [["a dog runs".split()]] * len(maps)
    people = find_people(mean_of_cells(maps), captions, maps)
    features = pool(maps, people).numpy()
    heads = fit_heads(people, [features, features], captions, features, np.zeros_like(features))
    assert (heads.seen(maps[:5]).numpy()[:, :-1] < 0.1).all()
