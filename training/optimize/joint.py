"""Batches of photos and of captions without photos, in one random order."""

from collections.abc import Iterator
from math import ceil

import numpy as np

from training.config import TrainConfig
from training.data.batches import Batch, TrainingData
from training.data.texts import TextBatch, TextData


class JointData:
    """An epoch is one of the photos and, if there are any, `config.texts` captions beside it."""

    def __init__(
        self, photos: TrainingData, config: TrainConfig, texts: TextData | None = None
    ) -> None:
        self._photos = photos
        self._texts = texts
        self._batch = config.batch_texts
        self._captions = min(config.texts, len(texts)) if texts else 0

    def photos(self) -> int:
        """Photos an epoch on average, repeated ones counting again."""
        return self._photos.photos()

    def steps(self) -> int:
        """Batches an epoch on average."""
        return self._photos.steps() + ceil(self._captions / self._batch)

    def epoch(self, seed: int) -> Iterator[Batch | TextBatch]:
        """Both kinds of batches, each as likely to come next as its share of an epoch is."""
        photos: Iterator[Batch] = iter(self._photos.epoch(seed))
        if not self._texts or not self._captions:
            yield from photos
            return
        texts = self._texts.epoch(seed, self._captions, self._batch)
        random = np.random.default_rng([seed, 3])
        share = ceil(self._captions / self._batch) / self.steps()
        while True:
            first, other = (texts, photos) if random.random() < share else (photos, texts)
            batch = next(first, None)
            if batch is None:
                yield from other
                return
            yield batch
