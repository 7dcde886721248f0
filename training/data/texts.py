"""Training batches of captions whose photos are not there.

The labels of such a photo are known, and what its captions say, so it has tags; it only lacks
features. A decoder that reads tags learns from it to write about things that few photos show.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from training.data.absent import AbsentPhoto
from training.data.batches import cut, pad
from training.data.tags import Floats, TagNames
from training.data.text import Vocabulary

FEWEST_WORDS = 5  # of a caption worth learning from
SORTED_BATCHES = 40  # whose captions are sorted by length together

# Tags that the tag head could give, of true tags [B, T]; it draws at random.
Simulate = Callable[[Floats, np.random.Generator], Floats]


class TextBatch(NamedTuple):
    tags: npt.NDArray[np.float32]  # [N, T], raw
    tokens: npt.NDArray[np.int32]  # [N, L]: <start> words <end> <pad>...


class TextData:
    """Captions without photos as token ids, ready to be drawn from."""

    def __init__(
        self,
        photos: dict[str, AbsentPhoto],
        names: TagNames,
        vocabulary: Vocabulary,
        simulate: Simulate,
        max_words: int,
    ) -> None:
        self._photos = list(photos.values())
        self._names = names
        self._simulate = simulate
        self._captions = [
            (row, cut(vocabulary.encode(caption), max_words))
            for row, photo in enumerate(self._photos)
            for caption in photo.captions
            if len(caption) >= FEWEST_WORDS
        ]

    def __len__(self) -> int:
        return len(self._captions)

    def epoch(self, seed: int, captions: int, batch: int) -> Iterator[TextBatch]:
        """Batches of similar length, `captions` in all, drawn without repetition."""
        random = np.random.default_rng([seed, 2])
        chosen = random.permutation(len(self._captions))[:captions].tolist()
        groups = []
        for start in range(0, len(chosen), batch * SORTED_BATCHES):
            part = sorted(
                chosen[start : start + batch * SORTED_BATCHES],
                key=lambda i: len(self._captions[i][1]),
            )
            groups += [part[place : place + batch] for place in range(0, len(part), batch)]
        for place in random.permutation(len(groups)).tolist():
            photos, ids = zip(*(self._captions[i] for i in groups[place]), strict=True)
            true = np.stack([self._tags(self._photos[row]) for row in photos])
            yield TextBatch(self._simulate(true, random), pad([ids])[0])

    def _tags(self, photo: AbsentPhoto) -> Floats:
        """The tags that a decoder reads, as they truly are: float32 [T]."""
        shares = self._names.shares(photo.captions)[: len(self._names.words)]
        return np.concatenate([self._names.present(photo.labels), shares])
