"""A trained network that the encoder learns from: pixels to its maps and its logits.

It is a file that OpenVINO reads, ONNX or its own format, or a network of `keras.applications`.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import openvino as ov
import tensorflow as tf

from training.config import TeacherConfig
from training.data.views import Pixels
from training.models.weights import downloads
from training.provenance import sha256

Floats = npt.NDArray[np.float32]
KERAS = "keras:"
IMAGENET = "imagenet"


@dataclass(frozen=True)
class Teacher:
    """A network, and what is to be known of it before it runs."""

    name: str  # what it is, whatever its file's path: kept in the run
    side: int  # of the pixels it reads
    # Pixels uint8 [B, side, side, 3] to maps [B, cells, cells, C] and logits [B, K].
    see: Callable[[Pixels], tuple[Floats, Floats]]


def load_teacher(named: str, config: TeacherConfig, side: int) -> Teacher:
    """The teacher of a file's path or of `keras:NAME`; `side` is the encoder's, if it takes any.

    Raises FileNotFoundError, and ValueError where the network has no maps or no logits.
    """
    if named.startswith(KERAS):
        return _of_keras(named.removeprefix(KERAS), config)
    if not Path(named).is_file():
        raise FileNotFoundError(
            f"no teacher at {named}; name a file that OpenVINO reads (.onnx, .xml), or "
            f"{KERAS}NAME for a network of keras.applications"
        )
    return _of_file(Path(named), config, side)


def _of_file(path: Path, config: TeacherConfig, side: int) -> Teacher:
    core = ov.Core()
    try:
        model = core.read_model(path)
    except RuntimeError as error:
        raise ValueError(f"{path} is no network that OpenVINO reads") from error
    if config.maps:
        try:
            model.add_outputs(config.maps)
        except RuntimeError as error:
            raise ValueError(f"{path} has no tensor {config.maps}") from error
    (given, *others) = model.inputs
    if others or given.partial_shape.rank.get_length() != 4:
        raise ValueError(f"{path} reads more than one picture: [B, 3, side, side] is asked for")
    shape = given.partial_shape
    first = shape[1].is_static and shape[1].get_length() == 3  # channels before rows
    height = shape[2 if first else 1]
    side = height.get_length() if height.is_static else side
    model.reshape([-1, 3, side, side] if first else [-1, side, side, 3])
    maps, logits = _outputs(model, path, config)
    compiled = core.compile_model(model, "CPU")
    mean, scale = np.array(config.mean, np.float32), np.array(config.scale, np.float32)

    def see(pixels: Pixels) -> tuple[Floats, Floats]:
        images = (pixels.astype(np.float32) - mean) / scale
        found = compiled(images.transpose(0, 3, 1, 2) if first else images)
        seen = found[maps]
        return seen.transpose(0, 2, 3, 1) if first else seen, found[logits]

    return Teacher(f"sha256:{sha256(path)}", side, see)


def _outputs(model: ov.Model, path: Path, config: TeacherConfig) -> tuple[int, int]:
    """Which outputs are the maps and the logits."""
    ranks = [output.partial_shape.rank.get_length() for output in model.outputs]
    for rank, what in ((4, "maps"), (2, "logits")):
        if rank not in ranks:
            hint = "; name the tensor as `maps` in the configuration" if rank == 4 else ""
            raise ValueError(f"{path} has no output of rank {rank} for its {what}{hint}")
    # An inner tensor that was asked for is the last output.
    return len(ranks) - 1 if config.maps else ranks.index(4), ranks.index(2)


def _of_keras(name: str, config: TeacherConfig) -> Teacher:
    build = getattr(keras.applications, name, None)
    if not callable(build):
        raise ValueError(f"keras.applications has no {name}")
    with downloads(name):
        whole = build(weights=config.weights, classifier_activation=None)
    pooling = [x for x in whole.layers if isinstance(x, keras.layers.GlobalAveragePooling2D)]
    if not pooling:
        raise ValueError(f"{name} does not pool its maps; choose another teacher")
    model = keras.Model(whole.input, [pooling[0].input, whole.output])
    preprocess = importlib.import_module(build.__module__).preprocess_input
    side = whole.input_shape[1]

    @tf.function(input_signature=[tf.TensorSpec([None, side, side, 3], tf.uint8)])
    def run(pixels: tf.Tensor) -> Any:
        return model(preprocess(tf.cast(pixels, tf.float32)), training=False)

    def see(pixels: Pixels) -> tuple[Floats, Floats]:
        maps, logits = run(pixels)
        return maps.numpy(), logits.numpy()

    weights = config.weights
    known = weights if weights == IMAGENET else f"sha256:{sha256(Path(weights))}"
    return Teacher(f"{KERAS}{name} {known}", side, see)
