"""Training batches: a few images, read once, with all their captions."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from training.config import TrainConfig
from training.data.dataset import Dataset
from training.data.features import NO_CROP, FeatureCache
from training.data.text import PAD, Vocabulary

BUCKETS = (10, 12, 14, 16, 18, 20)  # of the longest caption's tokens among an image's

# Raw tags float32 [B, T] of training photos by their names.
ReadTags = Callable[[Sequence[str]], npt.NDArray[np.float32]]


class Batch(NamedTuple):
    maps: tf.Tensor  # float16 [B, cells, channels]
    tokens: tf.Tensor  # int32 [N, T]: <start> words <end> <pad>...
    owners: tf.Tensor  # int32 [N]: the row of `maps` a caption belongs to
    images: tf.Tensor  # int64 [B]: which of `TrainingData.names` they are
    tags: tf.Tensor | None = None  # float32 [B, T], raw; no columns if the decoder reads none


def batch_signature(maps: tf.TensorSpec, tags: int = 0) -> Batch:
    """The shapes of batches of such maps and so many tags."""
    return Batch(
        maps,
        tf.TensorSpec([None, None], tf.int32),
        tf.TensorSpec([None], tf.int32),
        tf.TensorSpec([None], tf.int64),
        tf.TensorSpec([None, tags], tf.float32),
    )


class TrainingData:
    """A split as token ids, ready to be drawn from."""

    def __init__(
        self,
        dataset: Dataset,
        features: FeatureCache,
        vocabulary: Vocabulary,
        config: TrainConfig,
        tags: ReadTags | None = None,
        split: str = "train",
    ) -> None:
        self.names = dataset.splits[split]
        self._weights = np.array([dataset.weight(name) for name in self.names])
        self._features = features
        self._signature = batch_signature(
            tf.TensorSpec([None, *features.maps.shape[2:]], tf.float16), config.decoder.tags
        )
        self._tags = tags or (lambda names: np.zeros((len(names), 0), np.float32))
        self._mirror = config.mirror
        self._crop_share, self._crop_pairs = config.crop_share, config.crop_pairs
        self._batch_images = config.batch_images
        words = {name: dataset.tokens(name) for name in self.names}
        self._ids = {
            name: [cut(vocabulary.encode(caption), config.max_words) for caption in captions]
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
        drawn = repeated(self._weights, np.random.default_rng([seed, 1]))
        order = random.permutation(len(drawn))
        mirrored = (random.random(len(drawn)) < 0.5) & self._mirror
        pairs = np.random.default_rng([seed, 2]).integers(0, self._crop_pairs, len(drawn))
        pairs[np.random.default_rng([seed, 3]).random(len(drawn)) >= self._crop_share] = NO_CROP
        lengths = np.asarray(self._lengths(), np.int32)[drawn]

        def load(places: npt.NDArray[np.int64]) -> Batch:
            rows = drawn[places]
            names = [self.names[row] for row in rows]
            # A photo with a left or a right in its captions would contradict them in a mirror.
            both = zip(names, mirrored[places].tolist(), strict=True)
            sides = [mirror and name not in self._sided for name, mirror in both]
            tokens, owners = pad([self._ids[name] for name in names])
            maps = self._features.read_some_crops(names, sides, pairs[places])
            return Batch(maps, tokens, owners, rows, self._tags(names))

        def load_in_graph(places: tf.Tensor) -> Batch:
            dtypes = [spec.dtype for spec in self._signature if spec is not None]
            batch = Batch(*tf.numpy_function(load, [places], dtypes))
            return Batch(
                *(tf.ensure_shape(t, s.shape) for t, s in zip(batch, self._signature, strict=True))
            )

        places = tf.data.Dataset.from_tensor_slices((order, lengths[order]))
        return (
            places.bucket_by_sequence_length(
                lambda _, length: length,
                bucket_boundaries=[bound + 1 for bound in BUCKETS],
                bucket_batch_sizes=[self._batch_images] * (len(BUCKETS) + 1),
            )
            .map(lambda places, _: load_in_graph(places))
            .prefetch(2)
        )

    def photos(self) -> int:
        """Photos an epoch on average, repeated ones counting again."""
        return round(float(self._weights.sum()))

    def steps(self) -> int:
        """Batches an epoch on average; buckets' remainders make some of them smaller."""
        bucket = np.digitize(self._lengths(), [b + 1 for b in BUCKETS])
        counts = np.bincount(bucket, weights=self._weights)
        return int(np.ceil(counts / self._batch_images).sum())

    def _lengths(self) -> list[int]:
        """Tokens of each photo's longest caption."""
        return [max(map(len, self._ids[name])) for name in self.names]


def repeated(
    weights: npt.NDArray[np.float64], random: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Each row as often as its weight says; a fraction of 0.3 is one more for 3 of 10 rows."""
    whole = np.floor(weights)
    times = whole + (random.random(len(weights)) < weights - whole)
    return np.repeat(np.arange(len(weights)), times.astype(np.int64))


def cut(ids: list[int], max_words: int) -> list[int]:
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
