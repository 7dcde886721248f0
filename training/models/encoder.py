"""An encoder loaded and run: pixels to a grid of features.

It is two models, one behind the other: the trunk, which never changes, and the last stage, which
a run may fine-tune.
"""

from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf

from training.models.encoder_spec import RESNET50, EncoderSpec
from training.models.folding import fold_batch_norm, unfold_batch_norm
from training.models.weights import assign, downloads, fingerprint, read_saved_model
from training.provenance import sha256


@dataclass(frozen=True)
class Encoder:
    trunk: keras.Model  # pixels float32 [B, side, side, 3], preprocessed, to the trunk's maps
    stage: keras.Model  # those to the maps [B, grid, grid, channels]
    spec: EncoderSpec = RESNET50

    @property
    def weights(self) -> list[keras.Variable]:
        return [*self.trunk.weights, *self.stage.weights]


def load_encoder(weights: str, stage: Path | None = None, spec: EncoderSpec = RESNET50) -> Encoder:
    """An encoder with BatchNorm folded into its convolutions.

    `weights` is "imagenet", which Keras downloads, the path of a weights file for the function of
    `keras.applications` with `include_top=False`, or the folder of an artifact, whose encoder it
    is then; `stage` names those of a fine-tuned last stage. Raises FileNotFoundError, ValueError
    where the weights are another encoder's, and ConnectionError where they cannot be downloaded.
    """
    if Path(weights).is_dir():
        return _with_stage(_of_artifact(Path(weights), spec), stage)
    if weights != "imagenet" and not Path(weights).is_file():
        raise FileNotFoundError(
            f"no encoder weights at {weights}; name a .weights.h5 file, an artifact's folder, or "
            "'imagenet' to download"
        )
    with downloads(spec.name):
        whole = spec.build(weights)
    return _with_stage(split_encoder(fold_batch_norm(whole), spec), stage)


def save_encoder(encoder: Encoder, path: Path) -> None:
    """Write a weights file that `load_encoder` and Keras's own network read."""
    whole = encoder.spec.build(None)
    parts = (encoder.trunk, encoder.stage)
    unfold_batch_norm({layer.name: layer for part in parts for layer in part.layers}, whole)
    whole.save_weights(path)


def _of_artifact(artifact: Path, spec: EncoderSpec) -> Encoder:
    encoder = split_encoder(fold_batch_norm(spec.build(None)), spec)
    if fresh := assign(encoder.weights, read_saved_model(artifact, "encoder_weights")):
        raise ValueError(
            f"the encoder of {artifact} has no {fresh[0]}; it is not a {spec.name}: choose "
            "another --encoder"
        )
    return encoder


def _with_stage(encoder: Encoder, stage: Path | None) -> Encoder:
    if stage:
        encoder.stage.load_weights(stage)
    return encoder


def split_encoder(model: keras.Model, spec: EncoderSpec = RESNET50) -> Encoder:
    """The whole network as two models that share its weights."""
    # Not the layer's `input`, which of a Sequential is the one it was built with.
    (between,) = model.get_layer(spec.stage_from)._inbound_nodes[0].input_tensors
    trunk, stage = keras.Model(model.input, between), keras.Model(between, model.output)
    return Encoder(trunk, stage, spec)


def encode(encoder: Encoder, images: tf.Tensor, both_sides: bool = False) -> tf.Tensor:
    """Feature maps float32 [B, cells, channels], row by row, of RGB pixels uint8 [B, H, W, 3].

    With `both_sides` they are the mean of the image's and its mirror image's, cell over cell.
    """
    if both_sides:
        maps = encode(encoder, tf.concat([images, tf.reverse(images, axis=[2])], axis=0))
        plain, mirrored = tf.split(maps, 2)
        return (plain + tf.gather(mirrored, encoder.spec.mirrored_cells, axis=1)) / 2
    return encode_stage(encoder.stage, encode_trunk(encoder, images), encoder.spec)


def encode_trunk(encoder: Encoder, images: tf.Tensor) -> tf.Tensor:
    """The trunk's maps float32 [B, cells, channels], row by row, of RGB pixels uint8."""
    pixels = encoder.spec.preprocess(tf.cast(images, tf.float32))
    return tf.reshape(encoder.trunk(pixels, training=False), [-1, *encoder.spec.trunk_shape])


def encode_stage(stage: keras.Model, maps: tf.Tensor, spec: EncoderSpec = RESNET50) -> tf.Tensor:
    """Feature maps float32 [B, cells, channels] of the trunk's maps."""
    side = spec.trunk_grid
    grid = tf.reshape(tf.cast(maps, tf.float32), [-1, side, side, spec.trunk_channels])
    return tf.cast(tf.reshape(stage(grid, training=False), [-1, *spec.maps_shape]), tf.float32)


def encoder_id(weights: str, stage: Path | None = None, spec: EncoderSpec = RESNET50) -> str:
    """Which encoder it is: its name unless it is ResNet50, and where its weights are from.

    Those are "imagenet", or the sha256 of a weights file or of an artifact's encoder, which do not
    change with the file's place. A fine-tuned last stage adds its own.
    """
    # ResNet50 goes without a name: caches and runs from before there were others are its own.
    name = "" if spec is RESNET50 else f"{spec.name} "
    if Path(weights).is_dir():
        made = fingerprint(read_saved_model(Path(weights), "encoder_weights"))
        return with_stage(f"{name}artifact sha256:{made}", stage)
    base = weights if weights == "imagenet" else f"sha256:{sha256(Path(weights))}"
    return with_stage(name + base, stage)


def with_stage(encoder: str, stage: Path | None) -> str:
    """The name of an encoder whose last stage has other weights."""
    return f"{encoder} stage sha256:{sha256(stage)}" if stage else encoder
