"""The cached feature maps of a data set, computed by an encoder where they are missing."""

from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from training.data.dataset import Dataset
from training.data.features import Compute, FeatureCache, open_cache
from training.data.images import IMAGE_SIDE, load_image
from training.models.encoder import (
    CELLS,
    FEATURES,
    TRUNK_CELLS,
    TRUNK_FEATURES,
    encode,
    encode_stage,
    encode_trunk,
    encoder_id,
    load_encoder,
)


def cache_features(
    dataset: Dataset, weights: str, root: Path, stage: Path | None = None
) -> FeatureCache:
    """Open the cache of the whole encoder's maps under `root`, first computing what it lacks.

    `stage` names the weights of a fine-tuned last stage, which reads the trunk's cache.
    """
    shape = (CELLS, FEATURES)
    name = encoder_id(weights, stage)
    if stage is None:
        return open_cache(
            dataset, name, shape, root, lambda: _of_images(dataset, weights, whole=True)
        )
    trunk = cache_trunk(dataset, weights, root)
    return open_cache(dataset, name, shape, root, partial(_of_trunk, trunk, weights, stage))


def cache_trunk(dataset: Dataset, weights: str, root: Path) -> FeatureCache:
    """Open the cache of the trunk's maps under `root`, first computing what it lacks."""
    shape = (TRUNK_CELLS, TRUNK_FEATURES)
    name = f"{encoder_id(weights)} trunk"
    return open_cache(dataset, name, shape, root, partial(_of_images, dataset, weights, False))


def _of_images(dataset: Dataset, weights: str, whole: bool) -> Compute:
    encoder = load_encoder(weights)

    @tf.function(input_signature=[tf.TensorSpec([None, IMAGE_SIDE, IMAGE_SIDE, 3], tf.uint8)])
    def encode_batch(images: tf.Tensor) -> tf.Tensor:
        maps = encode(encoder, images) if whole else encode_trunk(encoder.trunk, images)
        return tf.cast(maps, tf.float16)

    def compute(rows: list[int]) -> npt.NDArray[np.float16]:
        images = np.stack([load_image(dataset.files[dataset.readable[row]]) for row in rows])
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
