"""A program of its own: the devices of a process cannot be changed once it has used one.

It makes the same steps on one device and on two, and prints the largest differences as JSON.
"""

import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.training.conftest import write_dataset
from tests.training.optimize.small import small, train
from tests.training.shapes import CELLS, FEATURES, TRUNK_CELLS, TRUNK_FEATURES
from training.config import TrainConfig
from training.data.batches import Batch
from training.data.features import FeatureCache
from training.data.load import load_dataset
from training.models.model import Model
from training.models.registry import build_decoder
from training.optimize.inputs import Inputs
from training.optimize.replicas import Replicas
from training.optimize.steps import Trainer

TOKENS = [[1, 4, 5, 6, 2], [1, 7, 8, 2, 0], [1, 9, 9, 10, 2], [1, 4, 2, 0, 0]]
OWNERS = [0, 0, 1, 2]  # the first device has three of the four captions


def stage() -> keras.Model:
    grid = keras.Input((14, 14, TRUNK_FEATURES))
    narrow = keras.layers.AveragePooling2D(2)(grid)
    return keras.Model(grid, keras.layers.Dense(FEATURES, activation="relu")(narrow))


def trainer(config: TrainConfig, devices: int) -> Trainer:
    replicas = Replicas(devices)
    with replicas.scope():
        keras.utils.set_random_seed(0)
        tuned = config.encoder_learning_rate > 0
        models = [
            Model(build_decoder(config.decoder, 12), stage() if tuned else None) for _ in range(2)
        ]
        return Trainer(config, models[0], models[1], 20, replicas)


def steps(config: TrainConfig, devices: int) -> tuple[list[float], list[Any]]:
    """Losses and final weights, the average's too."""
    made = trainer(config, devices)
    shape = (TRUNK_CELLS, TRUNK_FEATURES) if config.encoder_learning_rate else (CELLS, FEATURES)
    maps = np.random.default_rng(0).normal(size=(3, *shape)).astype(np.float16)
    tokens, owners = tf.constant(TOKENS), tf.constant(OWNERS)
    batch = Batch(tf.constant(maps), tokens, owners, tf.constant([0, 1, 2], tf.int64))
    alone = Batch(tf.constant(maps[:1]), tokens[:2], owners[:2], tf.constant([0], tf.int64))
    losses = [made.imitation_step(batch) for _ in range(3)]
    losses.append(made.imitation_step(alone))  # nothing is left for the second device
    if not config.encoder_learning_rate:
        banned = tf.one_hot([11, 4, 5], 12, True, False, dtype=tf.bool)
        given = (batch.maps, made.tags_of(batch), banned, tokens, owners, tokens, owners)
        losses.append(float(made.reinforce(*given, tf.constant([1.0, -1.0, 0.5, -0.5]))))
    variables = [*made.model.variables(), *made.averaged.variables()]
    return losses, [variable.numpy() for variable in variables]


def compared(config: TrainConfig) -> dict[str, float]:
    (one, alone), (other, shared) = (steps(config, devices) for devices in (1, 2))
    return {
        "loss": max(abs(a - b) for a, b in zip(one, other, strict=True)),
        "weights": max(float(np.abs(a - b).max()) for a, b in zip(alone, shared, strict=True)),
    }


def whole_run(root: Path) -> None:
    """A run with dropout on two devices, and its checkpoint read on one."""
    dataset = load_dataset(write_dataset(root / "tiny"))
    maps = np.random.default_rng(0).random((len(dataset.names), 2, CELLS, FEATURES))
    rows = {name: row for row, name in enumerate(dataset.names)}
    inputs = Inputs(dataset, FeatureCache(maps.astype(np.float16), rows, "imagenet"), "imagenet")
    decoder = {"architecture": "lstm", "units": 16, "dropout": 0.3}
    config = small("lstm", decoder=decoder)

    def dev_scores(*given: Any) -> dict[str, float]:
        return {"CIDEr": 1.0}

    train(config, inputs, root / "run", resume=False, dev_scores=dev_scores, devices=2)
    train(config, inputs, root / "run", resume=True, dev_scores=dev_scores, devices=1)


if __name__ == "__main__":
    keras.config.disable_traceback_filtering()
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
    # Clipping that bites shows whether it is the sum over the devices that is clipped.
    changes = {"clip_norm": 0.01, "warmup_steps": 0, "weight_decay": 0.1}
    found = {
        "attention": compared(small("attention", **changes)),
        "fine-tuned": compared(small("lstm", encoder_learning_rate=0.01, **changes)),
    }
    whole_run(Path(sys.argv[1]))
    print("compared " + json.dumps(found))
