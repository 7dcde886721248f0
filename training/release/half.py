"""Weights kept as float16 in the artifact, half of its size, and cast to float32 in the graph."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from training.models.weights import by_path

SMALL = 10_000  # weights of fewer elements stay as they are: biases, norms


class HalfWeights:
    """Variables for the artifact, and a scope in which the graph reads the weights from them."""

    def __init__(self, weights: Sequence[keras.Variable]) -> None:
        """Raises ValueError where a weight is too large for float16."""
        self._weights = weights
        self._stored = [_stored(weight) for weight in weights]

    @contextmanager
    def used(self) -> Iterator[None]:
        """Within it, layers compute with the stored weights, cast once a call."""
        casts = [
            (weight, tf.cast(stored, weight.dtype))
            for weight, stored in zip(self._weights, self._stored, strict=True)
            if stored.dtype == tf.float16
        ]
        with keras.StatelessScope(state_mapping=casts):
            yield

    def by_path(self) -> dict[str, tf.Variable]:
        """What is stored by its weight's path."""
        return dict(zip(by_path(self._weights), self._stored, strict=True))


def _stored(weight: keras.Variable) -> tf.Variable:
    value = weight.numpy()
    if value.dtype != np.float32 or value.size < SMALL:
        return weight.value
    if np.abs(value).max() > np.finfo(np.float16).max:
        raise ValueError(f"{weight.path} is too large for float16")
    return tf.Variable(_rounded(value.astype(np.float16)), trainable=False, name=weight.name)


def _rounded(value: npt.NDArray[np.float16]) -> npt.NDArray[np.float16]:
    """To 8 significant bits, as many as bfloat16 has: what is 0 compresses well in a repository."""
    bits = value.view(np.uint16)
    return np.asarray(((bits + np.uint16(4)) & np.uint16(0xFFF8)).view(np.float16))


class WholeTensors(tf.train.experimental.ShardingCallback):
    """Shards of whole tensors: TensorFlow cannot restore a float16 tensor that was cut in two."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes

    @property
    def description(self) -> str:
        return f"Shards of whole tensors, of at most {self._most_bytes} bytes if those allow."

    def __call__(self, shardable_tensors: Sequence[Any]) -> list[dict[str, dict[str, Any]]]:
        shards: list[dict[str, dict[str, Any]]] = [{}]
        filled = 0
        for each in shardable_tensors:
            size = each.dtype.size * (each.shape.num_elements() or 1)
            if filled and filled + size > self._most_bytes:
                shards.append({})
                filled = 0
            shards[-1].setdefault(each.checkpoint_key, {})[each.slice_spec] = each.tensor
            filled += size
        return shards
