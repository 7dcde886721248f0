from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from training.models.heads import HEADS, Heads
from training.optimize.heads import fit_heads

pytestmark = pytest.mark.tensorflow

KINDS = {"a man runs": 0, "a woman runs": 1, "a boy runs": 2, "a girl runs": 3, "a dog runs": 4}


def features(*kinds: int) -> npt.NDArray[np.float32]:
    """Pooled features [1, 6] of a photo that shows such kinds, and is one."""
    found = np.zeros((1, 6), np.float32)
    found[0, [*kinds, 5]] = 1
    return found


@pytest.fixture(scope="module")
def heads() -> Heads:
    """Of photos of men, women, boys, girls and dogs, each kind with a feature of its own."""
    captions = [[caption.split()] for caption in KINDS] * 200
    pooled = np.concatenate([features(kind) for kind in KINDS.values()] * 200)
    return fit_heads(pooled, captions, pooled, np.zeros((50, 6), np.float32))


def seen(heads: Heads, *kinds: int) -> dict[str, Any]:
    maps = tf.constant(features(*kinds)[:, np.newaxis])
    return dict(zip(HEADS, heads.seen(maps).numpy()[0].tolist(), strict=True))


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
    empty = tf.zeros([1, 1, 6])
    assert seen(heads, 0)["photo"] > 0.5 > float(heads.seen(empty).numpy()[0, -1])
