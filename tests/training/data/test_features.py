"""Caches of several data sets that share photos."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from training.data.dataset import Dataset
from training.data.features import Compute, FeatureCache, open_cache

SHAPE = (4, 3)


class Encoder:
    """Tells a photo by its first byte, and counts what it was asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.asked: list[str] = []

    def cache(self, photos: Mapping[str, Path], encoder: str = "imagenet") -> FeatureCache:
        splits = {"train": tuple(photos), "dev": (), "test": ()}
        dataset = Dataset(photos, dict.fromkeys(photos, ("A dog .",)), splits)

        def compute(rows: list[int]) -> npt.NDArray[np.float16]:
            names = [dataset.readable[row] for row in rows]
            self.asked += names
            firsts = [photos[name].read_bytes()[0] for name in names]
            return np.stack([np.full((2, *SHAPE), each, np.float16) for each in firsts])

        start: Compute = compute
        return open_cache(dataset, encoder, SHAPE, self.root, lambda: start)


@pytest.fixture
def encoder(tmp_path: Path) -> Encoder:
    return Encoder(tmp_path / "cache")


@pytest.fixture
def photos(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "photos").mkdir()
    found = {f"{i}.png": tmp_path / "photos" / f"{i}.png" for i in range(4)}
    for i, path in enumerate(found.values()):
        path.write_bytes(bytes([i, 100]))
    return found


def test_photos_that_are_added_or_left_out_do_not_have_the_others_encoded_again(
    encoder: Encoder, photos: dict[str, Path]
) -> None:
    first = {name: photos[name] for name in ("1.png", "3.png")}
    encoder.cache(first)
    assert encoder.asked == ["1.png", "3.png"]
    whole = encoder.cache(photos)
    assert encoder.asked == ["1.png", "3.png", "0.png", "2.png"]
    assert [whole.maps[whole.rows[name]].mean() for name in photos] == [0, 1, 2, 3]
    fewer = {name: photos[name] for name in ("3.png", "0.png")}
    cache = encoder.cache(fewer)
    assert len(encoder.asked) == 4
    assert cache.read(["0.png", "3.png"], [False, True]).mean(axis=(1, 2)).tolist() == [0, 3]


@pytest.mark.parametrize("name", ["maps.npy", "done.npy", "about.json"])
def test_a_cache_that_is_half_deleted_gives_nothing(
    encoder: Encoder, photos: dict[str, Path], name: str
) -> None:
    encoder.cache({"1.png": photos["1.png"]})
    [file] = encoder.root.glob(f"*/{name}")
    file.write_bytes(b"")
    whole = encoder.cache(photos)
    assert len(encoder.asked) == 5
    assert whole.read(["1.png"], [False]).mean() == 1


def test_a_photo_is_known_under_the_name_of_its_source_too(
    encoder: Encoder, photos: dict[str, Path]
) -> None:
    encoder.cache(photos)
    cache = encoder.cache({f"mine/{name}": path for name, path in photos.items()})
    assert len(encoder.asked) == 4
    assert cache.read(["mine/2.png"], [False]).mean() == 2


def test_another_photo_of_the_same_name_and_another_encoder_are_told_apart(
    encoder: Encoder, photos: dict[str, Path]
) -> None:
    encoder.cache(photos)
    photos["1.png"].write_bytes(bytes([9, 100]))
    cache = encoder.cache({name: photos[name] for name in ("0.png", "1.png")})
    assert encoder.asked[4:] == ["1.png"]
    assert cache.read(["1.png"], [False]).mean() == 9
    encoder.cache({name: photos[name] for name in ("0.png", "1.png")}, "another")
    assert encoder.asked[5:] == ["0.png", "1.png"]
