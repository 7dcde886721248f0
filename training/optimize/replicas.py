"""One step shared by several devices of a machine (`tf.distribute.MirroredStrategy`).

Each device holds all weights and takes its share of a batch's photos, with their captions.
Gradients are summed over the devices, so a step is the same as on one device but for rounding and
dropout.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import tensorflow as tf


class Replicas:
    """The devices of a run; with one, nothing is distributed."""

    def __init__(self, devices: int = 1) -> None:
        """Raises ValueError if TensorFlow sees fewer devices; CPUs count where there is no GPU."""
        self.count = devices
        if devices == 1:
            return
        kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
        found = [device.name for device in tf.config.list_logical_devices(kind)]
        if not 1 <= devices <= len(found):
            raise ValueError(f"--devices {devices}: TensorFlow sees {len(found)} {kind}")
        # The default pairs up tensors of different shapes on logical CPUs, and aborts.
        ways = {"GPU": tf.distribute.NcclAllReduce, "CPU": tf.distribute.ReductionToOneDevice}
        self._strategy = tf.distribute.MirroredStrategy(found[:devices], ways[kind]())

    def scope(self) -> AbstractContextManager[None]:
        """Within it, variables are made on every device."""
        return nullcontext() if self.count == 1 else self._strategy.scope()

    def run(self, step: Callable[[], tf.Tensor]) -> tf.Tensor:
        """The sum of what `step` returns on each device."""
        if self.count == 1:
            return step()
        return self._strategy.reduce("SUM", self._strategy.run(step), axis=None)

    def photos(self, each: tf.Tensor) -> tf.Tensor:
        """Within a step, the rows [B, ...] of this device's photos."""
        return each if self.count == 1 else each[self._place() :: self.count]

    def captions(self, owners: tf.Tensor, *each: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Within a step, the owners [N] among this device's photos, and the rows of their captions.

        The owners that are given, and that the rows [N, ...] go by, are among all photos.
        """
        if self.count == 1:
            return owners, *each
        mine = owners % self.count == self._place()
        rows = (tf.boolean_mask(rows, mine) for rows in each)
        return tf.boolean_mask(owners, mine) // self.count, *rows

    def mean(self, values: tf.Tensor) -> tf.Tensor:
        """Within a step, this device's share of the mean over all devices' values [M]."""
        if self.count == 1:
            return tf.reduce_mean(values)
        size = tf.cast(tf.size(values), values.dtype)
        return tf.reduce_sum(values) / _context().all_reduce("SUM", size)

    def gradients(self, each: Sequence[tf.Tensor | None]) -> list[tf.Tensor | None]:
        """Within a step, gradients such that Keras, which sums them over devices, gets the sum.

        They are the sum already, divided by the number of devices: Keras clips before it sums, and
        what is clipped must not depend on the device.
        """
        if self.count == 1:
            return list(each)
        present = [tf.convert_to_tensor(gradient) for gradient in each if gradient is not None]
        total = iter(_context().all_reduce("SUM", present))
        return [None if gradient is None else next(total) / self.count for gradient in each]

    def _place(self) -> tf.Tensor:
        return tf.cast(_context().replica_id_in_sync_group, tf.int32)


def _context() -> tf.distribute.ReplicaContext:
    return tf.distribute.get_replica_context()
