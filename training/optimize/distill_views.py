"""Batches of views of photos, with what a teacher sees in them."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np
import tensorflow as tf

from training.config import DistillConfig
from training.data.dataset import Dataset
from training.data.images import load_image
from training.data.views import Pixels, random_view
from training.models.encoder_spec import EncoderSpec
from training.models.teacher import Teacher
from training.optimize.distill_steps import Seen

AHEAD = 2  # batches whose photos are decoded while another is learned from


@dataclass(frozen=True)
class Views:
    """Batches of views of a data set's photos, as a teacher sees them."""

    dataset: Dataset
    teacher: Teacher
    spec: EncoderSpec
    config: DistillConfig

    @cached_property
    def objects(self) -> list[str]:
        """Every label there is, in the order of its column."""
        labels = (self.dataset.labels.get(name, ()) for name in self.dataset.trainable)
        return sorted({each for found in labels for each in found})

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return -(-self._count // self.config.batch_images)

    @property
    def _count(self) -> int:
        return self.config.views or len(self.dataset.trainable)

    def epoch(self, number: int) -> Iterator[Seen]:
        """Random views of the training photos, which the seed and the epoch's number decide."""
        seed = [self.config.seed, number]
        random = np.random.default_rng(seed)
        photos = self.dataset.trainable
        rounds = -(-self._count // len(photos))
        order = np.concatenate([random.permutation(len(photos)) for _ in range(rounds)])

        def view(place: int) -> list[Pixels]:
            path = self.dataset.files[photos[order[place]]]
            draw = np.random.default_rng([*seed, place])
            return random_view(path, self._sides, draw, self.config.least_area)

        names = [photos[row] for row in order[: self._count]]
        yield from self._batches(names, view)

    def some(self, least: int) -> list[Seen]:
        """Batches of at least so many random views, if an epoch has them."""
        batches = -(-least // self.config.batch_images)
        return list(islice(self.epoch(0), batches))

    def dev(self) -> Iterator[Seen]:
        """Dev photos, whole and as they are."""
        dev = self.dataset.splits["dev"]
        rows = np.random.default_rng(self.config.seed).permutation(len(dev))
        names = [dev[row] for row in rows[: self.config.dev_images]]

        def whole(place: int) -> list[Pixels]:
            return [load_image(self.dataset.files[names[place]], side) for side in self._sides]

        yield from self._batches(names, whole)

    @property
    def _sides(self) -> tuple[int, int]:
        """Of the pixels that the encoder and the teacher read."""
        return self.spec.side, self.teacher.side

    def _batches(self, names: Sequence[str], load: Callable[[int], list[Pixels]]) -> Iterator[Seen]:
        """The views that `load` makes of the named photos, by their places."""
        size = self.config.batch_images
        with ThreadPoolExecutor() as pool:
            coming: deque[tuple[Sequence[str], list[Future[list[Pixels]]]]] = deque()
            for start in range(0, len(names), size):
                part = names[start : start + size]
                coming.append((part, [pool.submit(load, start + at) for at in range(len(part))]))
                if len(coming) > AHEAD:
                    yield self._seen(*coming.popleft())
            while coming:
                yield self._seen(*coming.popleft())

    def _seen(self, names: Sequence[str], loaded: Sequence[Future[list[Pixels]]]) -> Seen:
        mine, theirs = zip(*(each.result() for each in loaded), strict=True)
        maps, logits = self.teacher.see(np.stack(theirs))
        labels = [set(self.dataset.labels.get(name, ())) for name in names]
        objects = [[each in found for each in self.objects] for found in labels]
        return Seen(
            tf.constant(np.stack(mine)),
            tf.constant(maps, tf.float32),
            tf.constant(logits, tf.float32),
            tf.reshape(tf.constant(objects, tf.float32), [len(names), len(self.objects)]),
            tf.constant([name in self.dataset.labels for name in names]),
        )
