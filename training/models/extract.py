"""The cached feature maps of a data set, computed by an encoder where they are missing."""

from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from training.data.dataset import Dataset
from training.data.features import Compute, FeatureCache, open_cache
from training.data.images import load_image
from training.models.encoder import (
    encode,
    encode_stage,
    encode_trunk,
    encoder_id,
    load_encoder,
)
from training.models.encoder_spec import RESNET50, EncoderSpec


def cache_features(
    dataset: Dataset,
    weights: str,
    root: Path,
    stage: Path | None = None,
    spec: EncoderSpec = RESNET50,
) -> FeatureCache:
    """Open the cache of the whole encoder's maps under `root`, first computing what it lacks.

    `stage` names the weights of a fine-tuned last stage, which reads the trunk's cache.
    """
    name = encoder_id(weights, stage, spec)
    if stage is None:
        start = partial(_of_images, dataset, weights, spec, True)
    else:
        start = partial(_of_trunk, cache_trunk(dataset, weights, root, spec), weights, stage, spec)
    return open_cache(dataset, name, spec.maps_shape, root, start)


def cache_trunk(
    dataset: Dataset, weights: str, root: Path, spec: EncoderSpec = RESNET50
) -> FeatureCache:
    """Open the cache of the trunk's maps under `root`, first computing what it lacks."""
    name = f"{encoder_id(weights, spec=spec)} trunk"
    start = partial(_of_images, dataset, weights, spec, False)
    return open_cache(dataset, name, spec.trunk_shape, root, start)


def _of_images(dataset: Dataset, weights: str, spec: EncoderSpec, whole: bool) -> Compute:
    encoder = load_encoder(weights, spec=spec)

    @tf.function(input_signature=[tf.TensorSpec([None, spec.side, spec.side, 3], tf.uint8)])
    def encode_batch(images: tf.Tensor) -> tf.Tensor:
        maps = encode(encoder, images) if whole else encode_trunk(encoder, images)
        return tf.cast(maps, tf.float16)

    def compute(rows: list[int]) -> npt.NDArray[np.float16]:
        photos = [dataset.files[dataset.readable[row]] for row in rows]
        images = np.stack([load_image(photo, spec.side) for photo in photos])
        return np.stack([encode_batch(images), encode_batch(images[:, :, ::-1])], axis=1)

    return compute


def _of_trunk(trunk: FeatureCache, weights: str, stage: Path, spec: EncoderSpec) -> Compute:
    model = load_encoder(weights, stage, spec).stage

    @tf.function(input_signature=[tf.TensorSpec([None, *spec.trunk_shape], tf.float16)])
    def encode_batch(maps: tf.Tensor) -> tf.Tensor:
        return tf.cast(encode_stage(model, maps, spec), tf.float16)

    def compute(rows: list[int]) -> npt.NDArray[np.float16]:
        maps = trunk.maps[rows]
        return np.stack([encode_batch(maps[:, 0]), encode_batch(maps[:, 1])], axis=1)

    return compute
