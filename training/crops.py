"""Random crops of feature maps: nearly what cropping the photos would give, for nothing."""

import numpy as np
import numpy.typing as npt
import tensorflow as tf


def random_boxes(count: int, crop: float, random: np.random.Generator) -> npt.NDArray[np.float32]:
    """Boxes [count, 4] (top, left, bottom, right; 0 to 1), each side at least 1 - `crop` long."""
    sides = 1 - crop * random.random((count, 2))
    corners = (1 - sides) * random.random((count, 2))
    return np.concatenate([corners, corners + sides], axis=1).astype(np.float32)


def crop_maps(maps: tf.Tensor, boxes: tf.Tensor) -> tf.Tensor:
    """Maps float16 [B, cells, channels] of the boxes [B, 4], resampled to as many cells."""
    rows, cells, channels = tf.unstack(tf.shape(maps))
    side = tf.cast(tf.round(tf.sqrt(tf.cast(cells, tf.float32))), tf.int32)
    grid = tf.reshape(maps, [rows, side, side, channels])
    cropped = tf.image.crop_and_resize(grid, boxes, tf.range(rows), [side, side])
    return tf.cast(tf.reshape(cropped, tf.shape(maps)), maps.dtype)
