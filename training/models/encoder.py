"""The encoder: ResNet50 without its classifier, pixels to a 7x7 grid of 2,048 features.

It is two models, one behind the other: the trunk (stages 1 to 4), which never changes, and the
last stage, which a run may fine-tune.
"""

from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from training.data.images import IMAGE_SIDE
from training.models.weights import assign, fingerprint, read_saved_model
from training.provenance import sha256

GRID_SIDE = 7
CELLS = GRID_SIDE * GRID_SIDE
MIRRORED_CELLS = np.arange(CELLS).reshape(GRID_SIDE, GRID_SIDE)[:, ::-1].flatten()
FEATURES = 2048
TRUNK_SIDE = 14
TRUNK_CELLS = TRUNK_SIDE * TRUNK_SIDE
TRUNK_FEATURES = 1024
TRUNK_OUTPUT = "conv4_block6_out"


class Encoder(NamedTuple):
    trunk: keras.Model  # pixels float32 [B, 224, 224, 3], preprocessed, to [B, 14, 14, 1024]
    stage: keras.Model  # those to [B, 7, 7, 2048]


def load_encoder(weights: str, stage: Path | None = None) -> Encoder:
    """ResNet50 with BatchNorm folded into its convolutions.

    `weights` is "imagenet", which Keras downloads, the path of a weights file for
    `keras.applications.ResNet50(include_top=False)`, or the folder of an artifact, whose encoder
    it is then; `stage` names those of a fine-tuned last stage. Raises FileNotFoundError.
    """
    if Path(weights).is_dir():
        return _with_stage(_of_artifact(Path(weights)), stage)
    if weights != "imagenet" and not Path(weights).is_file():
        raise FileNotFoundError(
            f"no encoder weights at {weights}; name a .weights.h5 file, an artifact's folder, or "
            "'imagenet' to download"
        )
    model = keras.applications.ResNet50(
        weights=weights, include_top=False, input_shape=(IMAGE_SIDE, IMAGE_SIDE, 3)
    )
    return _with_stage(split_encoder(fold_batch_norm(model)), stage)


def _of_artifact(artifact: Path) -> Encoder:
    model = keras.applications.ResNet50(
        weights=None, include_top=False, input_shape=(IMAGE_SIDE, IMAGE_SIDE, 3)
    )
    encoder = split_encoder(fold_batch_norm(model))
    variables = [weight for part in encoder for weight in part.weights]
    if fresh := assign(variables, read_saved_model(artifact, "encoder_weights")):
        raise ValueError(f"the encoder of {artifact} has no {fresh[0]}; it is not a ResNet50")
    return encoder


def _with_stage(encoder: Encoder, stage: Path | None) -> Encoder:
    if stage:
        encoder.stage.load_weights(stage)
    return encoder


def split_encoder(model: keras.Model) -> Encoder:
    """ResNet50 as two models that share its weights."""
    between = model.get_layer(TRUNK_OUTPUT).output
    return Encoder(keras.Model(model.input, between), keras.Model(between, model.output))


def fold_batch_norm(model: keras.Model) -> keras.Model:
    """The same function with each BatchNorm merged into the convolution before it.

    At inference BatchNorm is y = gamma * (x - mean) / sqrt(variance + epsilon) + beta
    (Ioffe and Szegedy 2015), which is affine, so it scales the kernel and shifts the bias.
    """
    norms = {
        _source(layer).name: layer
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    }
    folded = keras.models.clone_model(model, call_function=_skip_batch_norm)
    for layer in model.layers:
        if not layer.weights or isinstance(layer, keras.layers.BatchNormalization):
            continue
        kernel, bias = layer.get_weights()
        if norm := norms.get(layer.name):
            gamma, beta, mean, variance = norm.get_weights()
            scale = gamma / np.sqrt(variance + norm.epsilon)
            kernel, bias = kernel * scale, (bias - mean) * scale + beta
        folded.get_layer(layer.name).set_weights([kernel, bias])
    return folded


def _skip_batch_norm(layer: Any, *args: Any, **kwargs: Any) -> Any:
    if isinstance(layer, keras.layers.BatchNormalization):
        return args[0]
    return layer(*args, **kwargs)


def _source(layer: Any) -> Any:
    return layer.input._keras_history.operation


def encode(encoder: Encoder, images: tf.Tensor, both_sides: bool = False) -> tf.Tensor:
    """Feature maps float32 [B, 49, 2048], row by row, of RGB pixels uint8 [B, 224, 224, 3].

    With `both_sides` they are the mean of the image's and its mirror image's, cell over cell.
    """
    if both_sides:
        maps = encode(encoder, tf.concat([images, tf.reverse(images, axis=[2])], axis=0))
        plain, mirrored = tf.split(maps, 2)
        return (plain + tf.gather(mirrored, MIRRORED_CELLS, axis=1)) / 2
    return encode_stage(encoder.stage, encode_trunk(encoder.trunk, images))


def encode_trunk(trunk: keras.Model, images: tf.Tensor) -> tf.Tensor:
    """Maps float32 [B, 196, 1024], row by row, of RGB pixels uint8 [B, 224, 224, 3]."""
    pixels = keras.applications.resnet50.preprocess_input(tf.cast(images, tf.float32))
    return tf.reshape(trunk(pixels, training=False), [-1, TRUNK_CELLS, TRUNK_FEATURES])


def encode_stage(stage: keras.Model, maps: tf.Tensor) -> tf.Tensor:
    """Feature maps float32 [B, 49, 2048] of the trunk's maps [B, 196, 1024]."""
    grid = tf.reshape(tf.cast(maps, tf.float32), [-1, TRUNK_SIDE, TRUNK_SIDE, TRUNK_FEATURES])
    return tf.reshape(stage(grid, training=False), [-1, CELLS, FEATURES])


def encoder_id(weights: str, stage: Path | None = None) -> str:
    """ "imagenet", or the sha256 of a weights file or of an artifact's encoder.

    It does not change with the file's place. A fine-tuned last stage adds its own.
    """
    if Path(weights).is_dir():
        made = fingerprint(read_saved_model(Path(weights), "encoder_weights"))
        return with_stage(f"artifact sha256:{made}", stage)
    base = weights if weights == "imagenet" else f"sha256:{sha256(Path(weights))}"
    return with_stage(base, stage)


def with_stage(encoder: str, stage: Path | None) -> str:
    """The name of an encoder whose last stage has other weights."""
    return f"{encoder} stage sha256:{sha256(stage)}" if stage else encoder
