"""The tag head: a linear map from the pooled features of an image to its tags.

Being linear, it is fitted in closed form (`optimize/ridge.py`) and adds next to nothing to the
time of a caption.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from training.data.tags import TagNames
from training.data.text import Vocabulary
from training.models.tagged import TaggedAttentionDecoder

Floats = npt.NDArray[np.float32]

RANK = 384


@dataclass(frozen=True)
class TagHead:
    """Its numbers; T are the columns of `names`, F the encoder's features."""

    names: TagNames
    kernel: Floats  # [F, T]
    bias: Floats  # [T]
    mean: Floats  # [F], of pooled features
    deviation: Floats  # [F]
    prior: Floats  # [T], mean tags of the training photos
    idf: Floats  # [words + pairs], the logarithm of 1 / share of photos that have it
    tag_mean: Floats  # [objects + words], of training photos' tags between 0 and 1
    tag_deviation: Floats  # [objects + words]

    def tags(self, pooled: Floats) -> Floats:
        """Raw tags [B, T] of pooled features [B, F]; they may lie outside of 0 and 1."""
        standardised = (pooled - self.mean) / self.deviation
        return np.asarray(standardised @ self.kernel + self.bias, np.float32)

    def save(self, path: Path) -> None:
        """Write an .npz file without pickled objects."""
        arrays: dict[str, Any] = {
            name: np.asarray(value, np.float32)
            for name, value in vars(self).items()
            if name != "names"
        }
        arrays["objects"] = np.array(self.names.objects, np.str_)
        arrays["words"] = np.array(self.names.words, np.str_)
        arrays["pairs"] = np.array([" ".join(pair) for pair in self.names.pairs], np.str_)
        np.savez(path, **arrays)

    @classmethod
    def load(cls, path: Path) -> "TagHead":
        with np.load(path) as file:
            arrays = dict(file)
        objects, words = (tuple(map(str, arrays.pop(name))) for name in ("objects", "words"))
        pairs = [str(pair).split(" ") for pair in arrays.pop("pairs")]
        names = TagNames(objects, words, tuple((first, second) for first, second in pairs))
        return cls(names=names, **arrays)

    def prepare(self, decoder: TaggedAttentionDecoder, vocabulary: Vocabulary) -> None:
        """Write what the tags mean into the weights of a decoder that no step trains.

        Raises ValueError if the decoder reads another number of tags.
        """
        read = self.names.read
        if decoder.tags != read:
            raise ValueError(f"the decoder reads {decoder.tags} tags, the tag head has {read}")
        decoder.tag_mean.assign(self.tag_mean)
        decoder.tag_deviation.assign(self.tag_deviation)
        decoder.tag_prior.assign(self.prior[:read])
        decoder.word_column.assign(self.names.word_columns(vocabulary))
        decoder.object_column.assign(self.names.object_columns(vocabulary))


class Tagger(tf.Module):
    """The tag head in the graph, its kernel as a product of two thin float16 matrices.

    The tags of words and pairs depend on each other, so `RANK` directions hold nearly all of the
    kernel at a third of its size.
    """

    def __init__(self, head: TagHead) -> None:
        super().__init__(name="tagger")
        left, strength, right = np.linalg.svd(head.kernel, full_matrices=False)
        rank = min(RANK, len(strength))
        down = (left[:, :rank] * strength[:rank]).astype(np.float16)
        self.down = tf.Variable(down, trainable=False, name="down")
        self.up = tf.Variable(right[:rank].astype(np.float16), trainable=False, name="up")
        self.bias = tf.Variable(head.bias, trainable=False, name="bias")
        self.mean = tf.Variable(head.mean, trainable=False, name="mean")
        self.deviation = tf.Variable(head.deviation, trainable=False, name="deviation")

    def __call__(self, maps: tf.Tensor) -> tf.Tensor:
        """Raw tags float32 [B, T] of feature maps [B, cells, F]."""
        pooled = tf.reduce_mean(tf.cast(maps, tf.float32), axis=1)
        down, up = (tf.cast(each, tf.float32) for each in (self.down, self.up))
        return tf.matmul(tf.matmul((pooled - self.mean) / self.deviation, down), up) + self.bias
