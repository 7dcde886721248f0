"""Caches of feature maps: every photo, plain and mirrored, goes through the encoder once."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from PIL import Image, ImageOps
from tqdm import tqdm

from training.dataset import Dataset
from training.encoder import (
    CELLS,
    FEATURES,
    IMAGE_SIDE,
    MIRRORED_CELLS,
    TRUNK_CELLS,
    TRUNK_FEATURES,
    encode,
    encode_stage,
    encode_trunk,
    load_encoder,
)
from training.provenance import sha256

BATCH = 32
RESIZE_FILTER = Image.Resampling.BICUBIC

# Rows of the data set to their maps, plain and mirrored: float16 [B, 2, cells, channels].
Compute = Callable[[list[int]], npt.NDArray[np.float16]]


@dataclass(frozen=True)
class FeatureCache:
    """Maps float16 [images, 2, cells, channels]: plain, then mirrored.

    Of the whole encoder, [images, 2, 49, 2048], or of its trunk, [images, 2, 196, 1024].
    """

    maps: npt.NDArray[np.float16]
    rows: dict[str, int]
    encoder: str  # which encoder made them, as `encoder_id` names it

    def read_both_sides(self, names: Sequence[str]) -> npt.NDArray[np.float16]:
        """As `encode` makes them of both sides: float16 [B, 49, 2048]."""
        sides = self.maps[[self.rows[name] for name in names]].astype(np.float32)
        mirrored = sides[:, 1, MIRRORED_CELLS]
        return ((sides[:, 0] + mirrored) / 2).astype(np.float16)

    def read(self, names: Sequence[str], mirrored: Sequence[bool]) -> npt.NDArray[np.float16]:
        """Maps float16 [B, cells, channels] of the named images."""
        return self.maps[[self.rows[name] for name in names], np.asarray(mirrored, np.int64)]


def load_image(path: Path) -> npt.NDArray[np.uint8]:
    """RGB pixels uint8 [224, 224, 3], upright; the whole frame is squashed to a square."""
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image)
        square = upright.convert("RGB").resize((IMAGE_SIDE, IMAGE_SIDE), RESIZE_FILTER)
    return np.asarray(square)


def cache_features(
    dataset: Dataset, weights: str, root: Path, stage: Path | None = None
) -> FeatureCache:
    """Open the cache of the whole encoder's maps under `root`, first computing what it lacks.

    `stage` names the weights of a fine-tuned last stage, which reads the trunk's cache.
    """
    shape = (CELLS, FEATURES)
    name = encoder_id(weights, stage)
    if stage is None:
        return _cache(dataset, name, shape, root, lambda: _of_images(dataset, weights, whole=True))
    trunk = cache_trunk(dataset, weights, root)
    return _cache(dataset, name, shape, root, lambda: _of_trunk(trunk, weights, stage))


def cache_trunk(dataset: Dataset, weights: str, root: Path) -> FeatureCache:
    """Open the cache of the trunk's maps under `root`, first computing what it lacks."""
    shape = (TRUNK_CELLS, TRUNK_FEATURES)
    name = f"{encoder_id(weights)} trunk"
    return _cache(dataset, name, shape, root, lambda: _of_images(dataset, weights, whole=False))


def _of_images(dataset: Dataset, weights: str, whole: bool) -> Compute:
    encoder = load_encoder(weights)

    @tf.function(input_signature=[tf.TensorSpec([None, IMAGE_SIDE, IMAGE_SIDE, 3], tf.uint8)])
    def encode_batch(images: tf.Tensor) -> tf.Tensor:
        maps = encode(encoder, images) if whole else encode_trunk(encoder.trunk, images)
        return tf.cast(maps, tf.float16)

    def compute(rows: list[int]) -> npt.NDArray[np.float16]:
        images = np.stack([load_image(dataset.images / dataset.names[row]) for row in rows])
        return np.stack([encode_batch(images), encode_batch(images[:, :, ::-1])], axis=1)

    return compute


def _of_trunk(trunk: FeatureCache, weights: str, stage: Path) -> Compute:
    model = load_encoder(weights, stage).stage

    @tf.function(input_signature=[tf.TensorSpec([None, TRUNK_CELLS, TRUNK_FEATURES], tf.float16)])
    def encode_batch(maps: tf.Tensor) -> tf.Tensor:
        return tf.cast(encode_stage(model, maps), tf.float16)

    def compute(rows: list[int]) -> npt.NDArray[np.float16]:
        maps = trunk.maps[rows]
        return np.stack([encode_batch(maps[:, 0]), encode_batch(maps[:, 1])], axis=1)

    return compute


def _cache(
    dataset: Dataset,
    encoder: str,
    shape: tuple[int, int],
    root: Path,
    start: Callable[[], Compute],
) -> FeatureCache:
    """The folder's name is made of the encoder's and the images' names, so another encoder or
    data set gets another cache; a stopped run goes on where it was.
    """
    folder = root / _key(dataset, encoder)
    folder.mkdir(parents=True, exist_ok=True)
    maps = _open(folder / "maps.npy", np.float16, (len(dataset.names), 2, *shape))
    done = _open(folder / "done.npy", np.bool_, (len(dataset.names),))
    (folder / "about.json").write_text(json.dumps({"encoder": encoder, "images": dataset.names}))
    if todo := np.flatnonzero(~done).tolist():
        compute = start()
        with tqdm(total=len(todo), desc="features", unit="image", mininterval=1) as bar:
            for rows in _chunks(todo, BATCH):
                maps[rows] = compute(rows)
                done[rows] = True
                bar.update(len(rows))
    return FeatureCache(maps, {name: row for row, name in enumerate(dataset.names)}, encoder)


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


def encoder_id(weights: str, stage: Path | None = None) -> str:
    """ "imagenet", or the sha256 of a weights file, which does not change with its place.

    A fine-tuned last stage adds its own.
    """
    base = weights if weights == "imagenet" else f"sha256:{sha256(Path(weights))}"
    return with_stage(base, stage)


def with_stage(encoder: str, stage: Path | None) -> str:
    """The name of an encoder whose last stage has other weights."""
    return f"{encoder} stage sha256:{sha256(stage)}" if stage else encoder
