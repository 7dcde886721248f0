"""Mixed precision: layers that compute with bfloat16, of weights that stay float32.

bfloat16 has the exponents of float32, so gradients do not vanish and need no scaling.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import tensorflow as tf

from training.config import Precision


@contextmanager
def layers_of(precision: Precision) -> Iterator[None]:
    """Within it, layers are made that compute with this precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32" if precision == "float32" else f"mixed_{precision}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def full(weight: tf.Tensor) -> tf.Tensor:
    """A weight as float32, also where Keras reads it as bfloat16: within a layer's call."""
    return tf.cast(weight, tf.float32)


def softmax(energies: tf.Tensor) -> tf.Tensor:
    """Computed with float32, of the energies' own precision."""
    return tf.cast(tf.nn.softmax(tf.cast(energies, tf.float32)), energies.dtype)
