from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from training.measure.drawn import SIDE, drawing, screenshot

KINDS = pytest.mark.parametrize("kind", [screenshot, drawing])


@KINDS
def test_pictures_are_square_and_drawn_from_the_generator_alone(
    kind: Callable[[np.random.Generator], Image.Image],
) -> None:
    one, again, other = (kind(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (one.size, one.mode) == ((SIDE, SIDE), "RGB")
    assert one.tobytes() == again.tobytes()
    assert one.tobytes() != other.tobytes()


@KINDS
def test_every_picture_holds_more_than_one_colour(
    kind: Callable[[np.random.Generator], Image.Image],
) -> None:
    random = np.random.default_rng(0)
    for _ in range(25):
        assert len(kind(random).getcolors(SIDE * SIDE) or []) > 1
