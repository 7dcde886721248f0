"""Caches of feature maps: every photo, plain and mirrored, goes through the encoder once."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import isqrt
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from training.data.contents import Contents
from training.data.dataset import Dataset

BATCH = 32
NO_CROP = -1  # in place of a pair's number

# Rows of the data set to their maps, plain and mirrored: float16 [B, 2, cells, channels].
Compute = Callable[[list[int]], npt.NDArray[np.float16]]
# Maps [B, cells, channels] to float32 [B, features].
Pool = Callable[[npt.NDArray[np.float16]], npt.NDArray[np.float32]]


def mean_of_cells(maps: npt.NDArray[np.float16]) -> npt.NDArray[np.float32]:
    """Mean features float32 [B, channels] over the cells."""
    return np.asarray(maps.mean(axis=1, dtype=np.float32))


@dataclass(frozen=True)
class FeatureCache:
    """Maps float16 [images, 2, cells, channels]: plain, then mirrored.

    Of the whole encoder, or of its trunk: of ResNet50 [.., 49, 2048] and [.., 196, 1024].
    """

    maps: npt.NDArray[np.float16]
    rows: dict[str, int]
    encoder: str  # which encoder made them, as `encoder_id` names it
    crops: "tuple[FeatureCache, ...]" = ()  # of training photos, a crop and another one mirrored

    def read_both_sides(self, names: Sequence[str]) -> npt.NDArray[np.float16]:
        """The mean of both sides' maps, cell over cell: float16 [B, cells, channels]."""
        sides = self.maps[[self.rows[name] for name in names]].astype(np.float32)
        mirrored = mirror_cells(sides[:, 1])
        return ((sides[:, 0] + mirrored) / 2).astype(np.float16)

    def read(self, names: Sequence[str], mirrored: Sequence[bool]) -> npt.NDArray[np.float16]:
        """Maps float16 [B, cells, channels] of the named images."""
        return self.maps[[self.rows[name] for name in names], np.asarray(mirrored, np.int64)]

    def read_some_crops(
        self, names: Sequence[str], mirrored: Sequence[bool], pairs: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float16]:
        """As `read`, but of a crop of the numbered pair of `crops` where that is no NO_CROP."""
        maps = self.read(names, mirrored)
        for pair, crops in enumerate(self.crops):
            rows = np.flatnonzero(pairs == pair).tolist()
            maps[rows] = crops.read([names[row] for row in rows], [mirrored[row] for row in rows])
        return maps

    def pooled(
        self, names: Sequence[str], pool: Pool = mean_of_cells, mirrored: bool = False
    ) -> npt.NDArray[np.float32]:
        """What `pool` makes of the maps of the named images, of one side: float32 [B, features]."""
        parts = [names[start : start + BATCH] for start in range(0, len(names), BATCH)]
        return np.concatenate([pool(self.read(each, [mirrored] * len(each))) for each in parts])


def mirror_cells(maps: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Maps [B, cells, channels] of a square grid, row by row, with each row reversed."""
    side = isqrt(maps.shape[1])
    grid = maps.reshape(len(maps), side, side, -1)
    return grid[:, :, ::-1].reshape(maps.shape)


def open_cache(
    dataset: Dataset,
    encoder: str,
    shape: tuple[int, int],
    root: Path,
    start: Callable[[], Compute],
) -> FeatureCache:
    """Open the cache of `encoder`'s maps under `root`, first computing what it lacks.

    `start` loads what computes them. The folder's name is made of the encoder's and the images'
    names, so another encoder or data set gets another cache; a stopped computation resumes.
    A photo whose content has changed is encoded again, and one that another data set's cache holds
    is copied from there.
    """
    folder = root / _key(dataset, encoder)
    folder.mkdir(parents=True, exist_ok=True)
    maps = _open(folder / "maps.npy", np.float16, (len(dataset.readable), 2, *shape))
    done = _open(folder / "done.npy", np.bool_, (len(dataset.readable),))
    contents = Contents(folder / "photos.json")
    changed = contents.changed({name: dataset.files[name] for name in dataset.readable})
    done[[row for row, name in enumerate(dataset.readable) if name in changed]] = False
    contents.save()
    (folder / "about.json").write_text(json.dumps({"encoder": encoder, "images": dataset.readable}))
    if not done.all():
        photos = _photos(dataset.readable, contents)
        for other in sorted(root.glob("*/about.json")):
            # One that is half deleted, or just begun by another process, has nothing to give.
            with suppress(OSError, EOFError, ValueError):
                about = json.loads(other.read_text())
                if other.parent != folder and about["encoder"] == encoder:
                    _copy(other.parent, about["images"], photos, maps, done)
    if todo := np.flatnonzero(~done).tolist():
        compute = start()
        with tqdm(total=len(todo), desc="features", unit="image", mininterval=1) as bar:
            for rows in _chunks(todo, BATCH):
                maps[rows] = compute(rows)
                done[rows] = True
                bar.update(len(rows))
    return FeatureCache(maps, {name: row for row, name in enumerate(dataset.readable)}, encoder)


def _photos(names: Sequence[str], contents: Contents) -> dict[tuple[str, str], int]:
    """The rows of photos by content and file name, which decides what crops show."""
    digests = contents.digests
    return {
        (digests[name], name.rpartition("/")[2]): row
        for row, name in enumerate(names)
        if name in digests
    }


def _copy(
    folder: Path,
    names: Sequence[str],
    photos: Mapping[tuple[str, str], int],
    maps: npt.NDArray[np.float16],
    done: npt.NDArray[np.bool_],
) -> None:
    """Take over what the cache in a folder holds, of images of these names, and is not done."""
    its_maps = np.load(folder / "maps.npy", mmap_mode="r")
    its_done = np.load(folder / "done.npy")
    for photo, its_row in _photos(names, Contents(folder / "photos.json")).items():
        row = photos.get(photo)
        if row is not None and its_done[its_row] and not done[row]:
            maps[row] = its_maps[its_row]
            done[row] = True


def _chunks(rows: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _open(path: Path, dtype: type, shape: tuple[int, ...]) -> np.memmap:
    mode = "r+" if path.is_file() else "w+"
    if mode == "r+":
        return np.lib.format.open_memmap(path, mode=mode)
    return np.lib.format.open_memmap(path, mode=mode, dtype=dtype, shape=shape)


def _key(dataset: Dataset, encoder: str) -> str:
    parts = "\n".join((encoder, *dataset.readable))
    return hashlib.sha256(parts.encode()).hexdigest()[:16]
