"""Training batches: a few images, read once, with all their captions."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from training.config import TrainConfig
from training.dataset import Dataset
from training.features import FeatureCache
from training.text import PAD, Vocabulary

BUCKETS = (10, 12, 14, 16, 18, 20)  # of the longest caption's tokens among an image's


class Batch(NamedTuple):
    maps: tf.Tensor  # float16 [B, cells, channels]
    tokens: tf.Tensor  # int32 [N, T]: <start> words <end> <pad>...
    owners: tf.Tensor  # int32 [N]: the row of `maps` a caption belongs to
    images: tf.Tensor  # int64 [B]: which of `TrainingData.names` they are


def batch_signature(maps: tf.TensorSpec) -> Batch:
    """The shapes of batches of such maps."""
    return Batch(
        maps,
        tf.TensorSpec([None, None], tf.int32),
        tf.TensorSpec([None], tf.int32),
        tf.TensorSpec([None], tf.int64),
    )


class TrainingData:
    """The training split as token ids, ready to be drawn from."""

    def __init__(
        self, dataset: Dataset, features: FeatureCache, vocabulary: Vocabulary, config: TrainConfig
    ) -> None:
        self.names = dataset.splits["train"]
        self._features = features
        self._signature = batch_signature(
            tf.TensorSpec([None, *features.maps.shape[2:]], tf.float16)
        )
        self._mirror = config.mirror
        self._batch_images = config.batch_images
        words = {name: dataset.tokens(name) for name in self.names}
        self._ids = {
            name: [_cut(vocabulary.encode(caption), config.max_words) for caption in captions]
            for name, captions in words.items()
        }
        self._sided = {
            name
            for name, captions in words.items()
            if any({"left", "right"} & set(caption) for caption in captions)
        }

    def epoch(self, seed: int) -> tf.data.Dataset:
        """Shuffled batches of images whose longest captions are of similar length."""
        random = np.random.default_rng(seed)
        order = random.permutation(len(self.names))
        mirrored = (random.random(len(self.names)) < 0.5) & self._mirror
        lengths = [max(map(len, self._ids[name])) for name in self.names]

        def load(rows: npt.NDArray[np.int64]) -> Batch:
            names = [self.names[row] for row in rows]
            # A photo with a left or a right in its captions would contradict them in a mirror.
            sides = [bool(mirrored[row]) and self.names[row] not in self._sided for row in rows]
            tokens, owners = pad([self._ids[name] for name in names])
            return Batch(self._features.read(names, sides), tokens, owners, rows)

        def load_in_graph(rows: tf.Tensor) -> Batch:
            dtypes = [spec.dtype for spec in self._signature]
            batch = Batch(*tf.numpy_function(load, [rows], dtypes))
            return Batch(
                *(tf.ensure_shape(t, s.shape) for t, s in zip(batch, self._signature, strict=True))
            )

        rows = tf.data.Dataset.from_tensor_slices((order, np.asarray(lengths, np.int32)[order]))
        return (
            rows.bucket_by_sequence_length(
                lambda _, length: length,
                bucket_boundaries=[bound + 1 for bound in BUCKETS],
                bucket_batch_sizes=[self._batch_images] * (len(BUCKETS) + 1),
            )
            .map(lambda rows, _: load_in_graph(rows))
            .prefetch(2)
        )

    def steps(self) -> int:
        """Batches an epoch; buckets' remainders make some of them smaller."""
        bucket = np.digitize(
            [max(map(len, self._ids[name])) for name in self.names], [b + 1 for b in BUCKETS]
        )
        counts = np.bincount(bucket)
        return int(np.ceil(counts / self._batch_images).sum())


def _cut(ids: list[int], max_words: int) -> list[int]:
    """A caption of too many words loses them and its `<end>`: it would end too soon."""
    return ids if len(ids) <= max_words + 2 else ids[: max_words + 1]


def pad(
    captions: Sequence[Sequence[Sequence[int]]],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """The images' captions as rows of one array, and the image each row belongs to."""
    flat = [ids for group in captions for ids in group]
    owners = [row for row, group in enumerate(captions) for _ in group]
    tokens = np.full((len(flat), max(map(len, flat))), PAD, np.int32)
    for row, ids in enumerate(flat):
        tokens[row, : len(ids)] = ids
    return tokens, np.asarray(owners, np.int32)
