"""Captions of cached images, as the evaluation and the choice of the model need them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tqdm import tqdm

from training.data.features import FeatureCache
from training.data.text import PAD, Vocabulary
from training.models.model import Model
from training.search.beam import Hypotheses, beam_search
from training.search.rules import Rules

BATCH = 50


@dataclass(frozen=True)
class SearchOptions:
    """What `beam_search` asks for beside the image."""

    beam_size: int = 3
    max_length: int = 20
    length_penalty: float = 0.7


@dataclass(frozen=True)
class Beams:
    """All K hypotheses of an image, to be ranked by any length penalty."""

    captions: list[str]
    log_probs: npt.NDArray[np.float32]  # [K], of the whole caption
    lengths: npt.NDArray[np.int64]  # [K], <end> counted
    token_log_probs: npt.NDArray[np.float32]  # [K, T], 0 behind <end>
    attention: npt.NDArray[np.float32]  # [K, T, grid, grid]

    def best(self, length_penalty: float) -> str:
        """What `beam_search` ranks first under this length penalty."""
        return self.captions[self.first(length_penalty)]

    def first(self, length_penalty: float) -> int:
        """The row of what `beam_search` ranks first under this length penalty."""
        return int(np.argmax(self.log_probs / self.lengths**length_penalty))


class Generator:
    """The beam search of a model, traced once and called with any options.

    With `both_sides` it sees of cached photos what `encode` makes of both sides.
    """

    def __init__(
        self, model: Model, rules: Rules, vocabulary: Vocabulary, both_sides: bool = False
    ) -> None:
        self._vocabulary = vocabulary
        self._both_sides = both_sides

        def search(
            maps: tf.Tensor, beam_size: tf.Tensor, max_length: tf.Tensor, length_penalty: tf.Tensor
        ) -> Hypotheses:
            features = model.features(maps)
            tags = model.tags(features)
            options = beam_size, max_length, length_penalty
            return beam_search(model.decoder, rules, features, *options, tags=tags)

        self._search: Callable[..., Hypotheses] = tf.function(
            search,
            input_signature=[
                model.maps_spec,
                tf.TensorSpec([], tf.int32),
                tf.TensorSpec([], tf.int32),
                tf.TensorSpec([], tf.float32),
            ],
        )

    def captions(
        self, features: FeatureCache, names: Sequence[str], options: SearchOptions, what: str
    ) -> dict[str, str]:
        """The best caption of each image, words joined by spaces; `what` labels the progress."""
        return {
            name: beams.best(options.length_penalty)
            for name, beams in self.beams(features, names, options, what)
        }

    def beams(
        self, features: FeatureCache, names: Sequence[str], options: SearchOptions, what: str
    ) -> Iterator[tuple[str, Beams]]:
        """The hypotheses of each image."""
        starts = range(0, len(names), BATCH)
        for start in tqdm(starts, desc=what, unit="batch", mininterval=1, leave=False):
            group = names[start : start + BATCH]
            if self._both_sides:
                maps = features.read_both_sides(group)
            else:
                maps = features.read(group, [False] * len(group))
            yield from zip(group, self.beams_of(maps, options), strict=True)

    def beams_of(self, maps: npt.NDArray[np.float16], options: SearchOptions) -> Iterator[Beams]:
        """The hypotheses of each of some maps."""
        found = self._search(maps, **asdict(options))
        arrays = (found.tokens, found.token_log_probs, found.attention)
        for ids, log_probs, attention in zip(*(each.numpy() for each in arrays), strict=True):
            captions = [" ".join(self._vocabulary.decode(each)) for each in ids.tolist()]
            lengths = (ids != PAD).sum(axis=-1)
            yield Beams(captions, log_probs.sum(axis=-1), lengths, log_probs, attention)
