"""Captions of cached images, as the evaluation and the choice of the model need them."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import tensorflow as tf
from tqdm import tqdm

from training.decoder import Decoder
from training.encoder import CELLS, FEATURES
from training.features import FeatureCache
from training.search import Hypotheses, beam_search
from training.text import Vocabulary

BATCH = 50


@dataclass(frozen=True)
class SearchOptions:
    beam_size: int = 3
    max_length: int = 20
    length_penalty: float = 0.7


class Generator:
    """The beam search over a decoder, traced once and called with any options."""

    def __init__(self, decoder: Decoder, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._search: Callable[..., Hypotheses] = tf.function(
            lambda maps, beam_size, max_length, length_penalty: beam_search(
                decoder, tf.cast(maps, tf.float32), beam_size, max_length, length_penalty
            ),
            input_signature=[
                tf.TensorSpec([None, CELLS, FEATURES], tf.float16),
                tf.TensorSpec([], tf.int32),
                tf.TensorSpec([], tf.int32),
                tf.TensorSpec([], tf.float32),
            ],
        )

    def captions(
        self, features: FeatureCache, names: Sequence[str], options: SearchOptions, what: str
    ) -> dict[str, str]:
        """The best caption of each image, words joined by spaces; `what` labels the progress."""
        captions = {}
        starts = range(0, len(names), BATCH)
        for start in tqdm(starts, desc=what, unit="batch", mininterval=1, leave=False):
            group = names[start : start + BATCH]
            maps = features.read(group, [False] * len(group))
            tokens = self._search(maps, **asdict(options)).tokens[:, 0]
            for name, ids in zip(group, tokens.numpy(), strict=True):
                captions[name] = " ".join(self._vocabulary.decode(ids.tolist()))
        return captions
