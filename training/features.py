"""The cache of feature maps: every photo, plain and mirrored, goes through the encoder once."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from PIL import Image, ImageOps
from tqdm import tqdm

from training.dataset import Dataset
from training.encoder import CELLS, FEATURES, IMAGE_SIDE, encode, load_encoder
from training.provenance import sha256

BATCH = 32
RESIZE_FILTER = Image.Resampling.BICUBIC


@dataclass(frozen=True)
class FeatureCache:
    """Feature maps float16 [images, 2, 49, 2048]: plain, then mirrored."""

    maps: npt.NDArray[np.float16]
    rows: dict[str, int]
    encoder: str  # which encoder made them, as `encoder_id` names it

    def read(self, names: Sequence[str], mirrored: Sequence[bool]) -> npt.NDArray[np.float16]:
        """Maps float16 [B, 49, 2048] of the named images."""
        return self.maps[[self.rows[name] for name in names], np.asarray(mirrored, np.int64)]


def load_image(path: Path) -> npt.NDArray[np.uint8]:
    """RGB pixels uint8 [224, 224, 3], upright; the whole frame is squashed to a square."""
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image)
        square = upright.convert("RGB").resize((IMAGE_SIDE, IMAGE_SIDE), RESIZE_FILTER)
    return np.asarray(square)


def cache_features(dataset: Dataset, weights: str, root: Path) -> FeatureCache:
    """Open the cache under `root`, first computing what it lacks.

    The folder's name is made of the encoder weights and the images' names, so another encoder
    or data set gets another cache; a stopped run goes on where it was.
    """
    encoder = encoder_id(weights)
    folder = root / _key(dataset, encoder)
    folder.mkdir(parents=True, exist_ok=True)
    shape = (len(dataset.names), 2, CELLS, FEATURES)
    maps = _open(folder / "maps.npy", np.float16, shape)
    done = _open(folder / "done.npy", np.bool_, shape[:1])
    (folder / "names.json").write_text(json.dumps(dataset.names))
    if todo := np.flatnonzero(~done).tolist():
        _fill(dataset, weights, maps, done, todo)
    return FeatureCache(maps, {name: row for row, name in enumerate(dataset.names)}, encoder)


def _fill(
    dataset: Dataset,
    weights: str,
    maps: npt.NDArray[np.float16],
    done: npt.NDArray[np.bool_],
    todo: list[int],
) -> None:
    encoder = load_encoder(weights)
    encode_batch = tf.function(
        lambda images: tf.cast(encode(encoder, images), tf.float16),
        input_signature=[tf.TensorSpec([None, IMAGE_SIDE, IMAGE_SIDE, 3], tf.uint8)],
    )
    with tqdm(total=len(todo), desc="features", unit="image", mininterval=1) as bar:
        for rows in _chunks(todo, BATCH):
            images = np.stack([load_image(dataset.images / dataset.names[row]) for row in rows])
            maps[rows, 0] = encode_batch(images)
            maps[rows, 1] = encode_batch(images[:, :, ::-1])
            done[rows] = True
            bar.update(len(rows))


def _chunks(rows: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _open(path: Path, dtype: type, shape: tuple[int, ...]) -> np.memmap:
    mode = "r+" if path.is_file() else "w+"
    if mode == "r+":
        return np.lib.format.open_memmap(path, mode=mode)
    return np.lib.format.open_memmap(path, mode=mode, dtype=dtype, shape=shape)


def _key(dataset: Dataset, encoder: str) -> str:
    parts = "\n".join((encoder, *dataset.names))
    return hashlib.sha256(parts.encode()).hexdigest()[:16]


def encoder_id(weights: str) -> str:
    """ "imagenet", or the sha256 of a weights file, which does not change with its place."""
    if weights == "imagenet":
        return weights
    return f"sha256:{sha256(Path(weights))}"
