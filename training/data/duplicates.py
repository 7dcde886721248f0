"""Photos that look alike, found by perceptual hashes."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

DISTANCE = 4  # bits of 64 by which the hashes of two copies of a photo may differ
ROWS = 1024  # compared with all others at once


class Pair(NamedTuple):
    """Two photos that look alike, in the order of the data set."""

    first: str
    second: str
    distance: int  # bits


def photo_hash(photo: Image.Image) -> np.uint64:
    """64 bits of the photo's lowest frequencies, which scaling and compression hardly change."""
    bits = imagehash.phash(photo).hash.flatten()
    return np.uint64(int("".join("1" if bit else "0" for bit in bits), 2))


def similar_pairs(hashes: Mapping[str, np.uint64], distance: int = DISTANCE) -> Iterator[Pair]:
    """Every two photos whose hashes differ in at most `distance` bits."""
    names, values = list(hashes), np.array(list(hashes.values()), np.uint64)
    for start in range(0, len(values), ROWS):
        bits = _distances(values[start : start + ROWS], values)
        for row, column in np.argwhere(bits <= distance).tolist():
            if start + row < column:
                yield Pair(names[start + row], names[column], int(bits[row, column]))


def _distances(
    rows: npt.NDArray[np.uint64], values: npt.NDArray[np.uint64]
) -> npt.NDArray[np.uint8]:
    differing: npt.NDArray[np.uint8] = np.bitwise_count(rows[:, np.newaxis] ^ values)
    return differing
