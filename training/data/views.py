"""Random views of photos, for training that reads pixels: a part of a photo, at times mirrored."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.data.images import RESIZE_FILTER, open_photo

PROPORTIONS = 4 / 3  # by which a view may be wider or narrower than the photo
Pixels = npt.NDArray[np.uint8]


def random_view(
    path: Path, sides: Sequence[int], random: np.random.Generator, least: float
) -> list[Pixels]:
    """RGB pixels uint8 [side, side, 3] of one part of a photo, for each of the sides.

    The part keeps between `least` and all of the photo's area and is squashed to a square, as whole
    photos are; half of the views are mirrored. Raises ValueError if the photo is broken.
    """
    photo = open_photo(path)
    share, stretch = random.uniform(least, 1), PROPORTIONS ** random.uniform(-1, 1)
    shape = np.minimum(np.sqrt([share * stretch, share / stretch]), 1)
    left, top = random.uniform(0, 1 - shape) * photo.size
    right, bottom = (left, top) + shape * photo.size
    step = -1 if random.random() < 0.5 else 1
    box = (left, top, right, bottom)
    squares = [photo.resize((side, side), RESIZE_FILTER, box) for side in sides]
    return [np.asarray(square)[:, ::step] for square in squares]
