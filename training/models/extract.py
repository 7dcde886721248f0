"""The cached feature maps of a data set, computed by an encoder where they are missing."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from training.data.dataset import SPLITS, Dataset
from training.data.features import Compute, FeatureCache, open_cache
from training.data.images import load_crops, load_image
from training.models.encoder import (
    encode,
    encode_stage,
    encode_trunk,
    encoder_id,
    load_encoder,
)
from training.models.encoder_spec import RESNET50, EncoderSpec

# A photo's file and the side of a square to two views, the second of which gets mirrored: uint8
# [2, side, side, 3].
LoadViews = Callable[[Path, int], npt.NDArray[np.uint8]]


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


def cache_crops(
    dataset: Dataset,
    weights: str,
    root: Path,
    spec: EncoderSpec,
    pair: int,
    least: float,
    colour: float,
) -> FeatureCache:
    """Open the cache of a pair of crops of each training photo, first computing what it lacks.

    `least` and `colour` are those of `load_crops`.
    """
    shown = replace(dataset, splits=dict.fromkeys(SPLITS, ()) | {"train": dataset.splits["train"]})
    name = f"{encoder_id(weights, spec=spec)} crops {pair} of {least:g}"
    name += f" in colours by {colour:g}" if colour else ""
    crops = partial(load_crops, pair=pair, least=least, colour=colour)
    start = partial(_of_images, shown, weights, spec, True, crops)
    return open_cache(shown, name, spec.maps_shape, root, start)


def cache_trunk(
    dataset: Dataset, weights: str, root: Path, spec: EncoderSpec = RESNET50
) -> FeatureCache:
    """Open the cache of the trunk's maps under `root`, first computing what it lacks."""
    name = f"{encoder_id(weights, spec=spec)} trunk"
    start = partial(_of_images, dataset, weights, spec, False)
    return open_cache(dataset, name, spec.trunk_shape, root, start)


def _twice(path: Path, side: int) -> npt.NDArray[np.uint8]:
    image = load_image(path, side)
    return np.stack([image, image])


def _of_images(
    dataset: Dataset, weights: str, spec: EncoderSpec, whole: bool, load: LoadViews = _twice
) -> Compute:
    encoder = load_encoder(weights, spec=spec)

    @tf.function(input_signature=[tf.TensorSpec([None, spec.side, spec.side, 3], tf.uint8)])
    def encode_batch(images: tf.Tensor) -> tf.Tensor:
        maps = encode(encoder, images) if whole else encode_trunk(encoder, images)
        return tf.cast(maps, tf.float16)

    def compute(rows: list[int]) -> npt.NDArray[np.float16]:
        photos = [dataset.files[dataset.readable[row]] for row in rows]
        views = np.stack([load(photo, spec.side) for photo in photos])
        sides = (views[:, 0], views[:, 1, :, ::-1])
        return np.stack([encode_batch(images) for images in sides], axis=1)

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
