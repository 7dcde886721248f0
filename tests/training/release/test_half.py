from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from training.release.half import SMALL, HalfWeights, WholeTensors

pytestmark = pytest.mark.tensorflow

SIDE = int(SMALL**0.5) + 1


def layer() -> keras.layers.Dense:
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense(SIDE)
    dense.build((None, SIDE))
    return dense


def test_large_weights_are_stored_as_float16_and_small_ones_as_they_are() -> None:
    stored = HalfWeights(layer().weights).by_path()
    assert {path.rpartition("/")[2]: each.dtype for path, each in stored.items()} == {
        "kernel": tf.float16,
        "bias": tf.float32,
    }


def test_the_graph_computes_with_what_is_stored() -> None:
    dense = layer()
    half = HalfWeights(dense.weights)
    inputs = tf.random.stateless_normal([2, SIDE], [1, 2])

    @tf.function  # type: ignore[untyped-decorator]
    def compute(inputs: tf.Tensor) -> tf.Tensor:
        with half.used():
            return dense(inputs)

    kernel = half.by_path()[dense.kernel.path].numpy().astype(np.float32)
    np.testing.assert_allclose(compute(inputs), inputs.numpy() @ kernel, atol=1e-4)
    np.testing.assert_allclose(kernel, dense.kernel, rtol=2**-7, atol=1e-6)


def test_a_weight_that_float16_cannot_hold_is_an_error() -> None:
    dense = layer()
    dense.kernel.assign(dense.kernel + 1e6)
    with pytest.raises(ValueError, match="too large for float16"):
        HalfWeights(dense.weights)


def test_tensors_are_saved_whole_in_shards_of_bounded_size(tmp_path: Path) -> None:
    module = tf.Module()
    module.parts = [tf.Variable(np.full(1000, i, np.float16)) for i in range(5)]
    options = tf.train.CheckpointOptions(experimental_sharding_callback=WholeTensors(4500))
    path = tf.train.Checkpoint(module=module).write(str(tmp_path / "saved"), options=options)
    for part in module.parts:
        part.assign(part * 0)
    tf.train.Checkpoint(module=module).read(path).assert_consumed()
    assert [float(part[0]) for part in module.parts] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert len(list(tmp_path.glob("saved.data-*"))) >= 3
