import numpy as np
import pytest

from training.measure.oddities import oddities

pytestmark = pytest.mark.tensorflow


def test_each_kind_comes_as_often_as_asked() -> None:
    kinds = [each.kind for each in oddities(3, seed=0)]
    assert sorted(kinds) == sorted(["noise", "blank", "text", "screenshot", "drawing"] * 3)


def test_they_are_the_encoder_s_pixels_and_all_different() -> None:
    pictures = [each.pixels for each in oddities(6, seed=0)]
    assert {(each.shape, each.dtype.name) for each in pictures} == {((224, 224, 3), "uint8")}
    assert len({each.tobytes() for each in pictures}) == len(pictures)


def test_a_seed_makes_the_same_and_another_others() -> None:
    def drawn(seed: int) -> list[bytes]:
        return [each.pixels.tobytes() for each in oddities(2, seed)]

    assert drawn(0) == drawn(0)
    assert not set(drawn(0)) & set(drawn(1))


def test_kinds_are_what_they_say() -> None:
    for each in oddities(8, seed=0):
        across = np.ptp(each.pixels.astype(int), axis=1).max()
        if each.kind == "blank":
            assert across == 0  # it changes from top to bottom only, if at all
        else:
            assert across > 60
