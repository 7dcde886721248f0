"""The tag head fitted to a data set, and the training photos' tags and pseudo-captions."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from training.config import TagConfig
from training.data.absent import AbsentPhoto, absent_photos
from training.data.dataset import Dataset
from training.data.features import FeatureCache
from training.data.tags import Floats, TagNames, choose_tags
from training.data.text import Vocabulary
from training.models.tagger import TagHead
from training.optimize.pseudo import AbsentIndex
from training.optimize.ridge import Rows, Targets, out_of_fold, ridge
from training.optimize.simulate import TagSimulator, fit_simulator
from training.optimize.tag_folder import TagData

LEAST_FREQUENCY = 1e-4  # of a gram, before its rarity is taken
LEAST_DEVIATION = 0.01  # of a tag


def fit_tags(dataset: Dataset, features: FeatureCache, config: TagConfig) -> TagData:
    """Choose the tags, fit the head, and apply it to the training photos out of fold."""
    captions = {name: dataset.tokens(name) for name in dataset.splits["train"]}
    absent = absent_photos(dataset)
    vocabulary = Vocabulary.from_captions(
        (caption for group in captions.values() for caption in group),
        config.min_count,
        (caption for photo in absent.values() for caption in photo.captions),
        config.min_text_count,
    )
    labels = [*dataset.labels.values(), *(photo.labels for photo in absent.values())]
    names = choose_tags(
        captions,
        {name: photo.captions for name, photo in absent.items()},
        {label for group in labels for label in group},
        vocabulary,
        (config.tag_photos, config.word_text_photos, config.pair_text_photos),
    )
    return _Tagging(dataset, features, config, vocabulary, names, absent).result()


def _fit(
    given: Floats, targets: Targets, penalty: float, folds: Rows
) -> tuple[Floats, Floats, Floats]:
    """Kernel, bias, and tags of all photos: out of fold where they are among the targets."""
    width = targets.tags.shape[1]
    if not len(targets.rows):
        nothing = np.zeros((given.shape[1], width), np.float32)
        return nothing, nothing.sum(axis=0), given @ nothing
    kernel, bias = ridge(given, targets, penalty)
    tags = given @ kernel + bias
    if len(np.unique(folds[targets.rows])) > 1:
        tags[targets.rows] = out_of_fold(given, targets, penalty, folds)
    return kernel, bias, tags


@dataclass(frozen=True)
class _Tagging:
    dataset: Dataset
    features: FeatureCache
    config: TagConfig
    vocabulary: Vocabulary
    names: TagNames
    absent: dict[str, AbsentPhoto]

    @cached_property
    def captioned(self) -> tuple[str, ...]:
        return self.dataset.splits["train"]

    @cached_property
    def labelled(self) -> tuple[str, ...]:
        """Photos with labels only."""
        return tuple(name for name in self.dataset.uncaptioned if name in self.dataset.labels)

    @cached_property
    def index(self) -> AbsentIndex | None:
        return AbsentIndex(list(self.absent.values()), self.names) if self.absent else None

    @cached_property
    def word_targets(self) -> Targets:
        """Shares of captions; of photos with labels only, those of the absent neighbours."""
        shares = [self.names.shares(self.dataset.tokens(name)) for name in self.captioned]
        weights = [self.dataset.weight(name) for name in self.captioned]
        tags = np.stack(shares)
        if self.index and self.labelled:
            tags = np.concatenate([tags, self.index.shares(self.neighbours)])
            weights += [self.config.labelled_weight] * len(self.labelled)
        return Targets(np.arange(len(tags)), tags, np.array(weights, np.float32))

    @cached_property
    def object_targets(self) -> Targets:
        photos = (*self.captioned, *self.labelled)
        rows = [row for row, name in enumerate(photos) if name in self.dataset.labels]
        tags = np.zeros((len(rows), len(self.names.objects)), np.float32)
        for place, row in enumerate(rows):
            tags[place] = self.names.present(self.dataset.labels[photos[row]])
        return Targets(np.array(rows, np.int64), tags, np.ones(len(rows), np.float32))

    @cached_property
    def neighbours(self) -> list[Rows]:
        labels = [self.names.present(self.dataset.labels[name]) for name in self.labelled]
        return self.index.neighbours(np.stack(labels)) if self.index and labels else []

    def result(self) -> TagData:
        photos = (*self.captioned, *self.labelled)
        pooled = self.features.pooled(photos)
        mean, deviation = pooled.mean(axis=0), pooled.std(axis=0) + 1e-3
        given = (pooled - mean) / deviation
        folds = np.random.default_rng(self.config.seed).integers(0, self.config.folds, len(photos))
        parts = [
            _fit(given, targets, self.config.penalty, folds)
            for targets in (self.object_targets, self.word_targets)
        ]
        kernel, bias, tags = (np.concatenate(each, axis=-1) for each in zip(*parts, strict=True))
        read = np.clip(tags[:, : self.names.read], 0, 1)
        head = TagHead(
            self.names,
            kernel=kernel,
            bias=bias,
            mean=mean,
            deviation=deviation,
            prior=self._prior(),
            idf=self._idf(),
            tag_mean=read[: len(self.captioned)].mean(axis=0),
            tag_deviation=read.std(axis=0) + LEAST_DEVIATION,
        )
        return TagData(
            self.vocabulary,
            head,
            photos,
            tags[:, : self.names.read],
            self._pseudo(tags[len(self.captioned) :, len(self.names.objects) :], head.idf),
            self._simulator(tags[:, : self.names.read]),
        )

    def _prior(self) -> Floats:
        objects, words = self.object_targets.tags, self.word_targets
        there = objects.mean(axis=0) if len(objects) else objects.sum(axis=0)
        return np.concatenate([there, np.average(words.tags, axis=0, weights=words.weights)])

    def _idf(self) -> Floats:
        """The logarithm of 1 / the share of photos, half of it of absent ones, that have a gram."""
        frequency = (self.word_targets.tags > 0).mean(axis=0)
        if self.index:
            frequency = (frequency + self.index.frequency()) / 2
        return np.asarray(-np.log(np.maximum(frequency, LEAST_FREQUENCY)), np.float32)

    def _pseudo(self, tags: Floats, idf: Floats) -> dict[str, list[str]]:
        if not self.index or not self.labelled:
            return {}
        found = self.index.pseudo_captions(self.neighbours, tags, idf)
        both = zip(self.labelled, found, strict=True)
        return {name: [" ".join(each) for each in group] for name, group in both if group}

    def _simulator(self, tags: Floats) -> TagSimulator | None:
        rows = [r for r, name in enumerate(self.captioned) if name in self.dataset.labels]
        if not self.absent or len(rows) < 2:
            return None
        names = [self.captioned[row] for row in rows]
        there = np.stack([self.names.present(self.dataset.labels[name]) for name in names])
        words = self.word_targets.tags[rows, : len(self.names.words)]
        return fit_simulator(np.concatenate([there, words], axis=1), tags[rows])
