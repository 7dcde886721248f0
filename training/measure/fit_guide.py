"""The step `guide`: what a run's guided search needs, fitted on train and chosen on dev."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from training.data.dataset import Dataset
from training.data.features import FeatureCache
from training.data.lexicons.objects import objects_named
from training.measure.guide import GOOD, Candidates, fit_confidence
from training.measure.masked import MaskedCandidates, choose
from training.measure.oddities import oddities
from training.measure.thresholds import MASKS
from training.models.encoder import Encoder, encode, load_encoder
from training.models.heads import Heads, pool
from training.models.tagger import Tagger, TagHead
from training.optimize.cider import CiderReward
from training.optimize.heads import Captions, find_people, fit_heads
from training.optimize.neighbours import index_photos
from training.optimize.run_folder import GUIDE, SEARCH, Run, load_run, stage_of, weights_of
from training.search.confidence import SIGNALS, ConfidenceWeights
from training.search.guide_file import GuideNumbers, build_guide
from training.search.guided import CANDIDATES, Guided, guided_search
from training.search.ranking import RankingWeights
from training.search.words import SEEN, Thresholds

BATCH = 50
MAX_LENGTH = 20
ODDITIES = 60  # of each kind
LOOKED_AT = 1000  # training photos, of those with captions, for where people are
Maps = npt.NDArray[np.float16]


@dataclass(frozen=True)
class DevPhotos:
    """The dev photos of one source."""

    names: tuple[str, ...]
    references: Mapping[str, Sequence[Sequence[str]]]  # tokenised
    labels: Mapping[str, Collection[str]]
    maps: Maps

    @cached_property
    def reward(self) -> CiderReward:
        return CiderReward(self.references)

    def cider(self, captions: Sequence[Sequence[str]]) -> npt.NDArray[np.float64]:
        """CIDEr-D of K captions a photo, 0 to 10: float64 [N, K]."""
        return np.array(
            [
                [self.reward.score(name, caption.split()) for caption in group]
                for name, group in zip(self.names, captions, strict=True)
            ]
        )

    def absent(self, captions: Sequence[Sequence[str]]) -> npt.NDArray[np.float64]:
        """Which of K captions a photo name an object that is not there: float64 [N, K].

        Objects that people's captions name are there, too. Photos without labels have no number.
        """
        found = np.full((len(self.names), len(captions[0])), np.nan)
        for row, name in enumerate(self.names):
            if labels := self.labels.get(name):
                there = {*labels}.union(*(objects_named(each) for each in self.references[name]))
                found[row] = [bool(objects_named(c.split()) - there) for c in captions[row]]
        return found


class GuidedSearch:
    """The guided search of a run over cached maps, with numbers that are still being chosen."""

    def __init__(
        self, run: Run, head: TagHead, numbers: GuideNumbers, length_penalty: float
    ) -> None:
        """All of the numbers but the thresholds, so that one graph serves all of those."""
        self._vocabulary, tagger = run.vocabulary, Tagger(head)
        guide = build_guide(numbers, head, run.vocabulary)
        maps = tf.TensorSpec([None, *run.encoder.maps_shape], tf.float16)

        @tf.function(input_signature=[maps, tf.TensorSpec([len(Thresholds._fields)])])
        def search(maps: tf.Tensor, thresholds: tf.Tensor) -> Guided:
            features = tf.cast(maps, tf.float32)
            words = guide.people_words._replace(thresholds=Thresholds(*tf.unstack(thresholds)))
            return guided_search(
                run.decoder,
                run.rules,
                guide._replace(people_words=words),
                features,
                tagger(features),
                tf.constant(CANDIDATES),
                tf.constant(MAX_LENGTH),
                tf.constant(length_penalty, tf.float32),
                tf.constant(SEEN),
            )

        self._search = search

    def run(self, maps: Maps, thresholds: Thresholds) -> Guided:
        """All candidates of maps float16 [N, cells, channels], as arrays."""
        starts = range(0, len(maps), BATCH)
        parts = [self._search(maps[start : start + BATCH], thresholds) for start in starts]
        return Guided(*(np.concatenate(each) for each in zip(*parts, strict=True)))

    def captions(self, tokens: npt.NDArray[np.int32]) -> list[str]:
        """The captions of token ids [N, T], words joined by spaces."""
        return [" ".join(self._vocabulary.decode(row)) for row in tokens.tolist()]


def fit_guide(
    dataset: Dataset, features: FeatureCache, encoder_weights: str, run: Path
) -> dict[str, Any]:
    """Write `guide.npz` and `search.json` into the run, and `guide.json` with what was chosen.

    Raises ValueError if the run's decoder reads no tags.
    """
    loaded = load_run(run, features.encoder)
    if loaded.tag_head is None:
        raise ValueError(f"{run} has no tag head; only a decoder that reads tags can be guided")
    dev = _dev_photos(dataset, features)
    captioned = dataset.splits["train"]
    captions = [dataset.tokens(name) for name in captioned]
    pooled = features.pooled(captioned)
    odd = _odd(load_encoder(encoder_weights, stage_of(run), loaded.encoder))
    numbers = GuideNumbers(
        _fit_heads(dataset, features, pooled, captions, odd),
        RankingWeights(0.0, 0.0, 0.0, 0.0),
        index_photos(pooled, captions, loaded.vocabulary),
        MASKS[0],
        _no_confidence(),
    )
    search = GuidedSearch(loaded, loaded.tag_head, numbers, length_penalty=0.7)
    chosen = choose([_masked(search, numbers.heads, each) for each in dev])
    penalty = chosen.length_penalty
    numbers = numbers._replace(ranking=chosen.ranking, thresholds=chosen.thresholds)
    search = GuidedSearch(loaded, loaded.tag_head, numbers, penalty)
    found = [search.run(each.maps, numbers.thresholds) for each in dev]
    ciders = [
        each.cider([[first] for first in search.captions(guided.tokens[:, 0])])
        for each, guided in zip(dev, found, strict=True)
    ]
    good = np.concatenate(ciders)[:, 0] >= GOOD
    signals = np.concatenate([each.signals[:, 0] for each in found])
    numbers = numbers._replace(confidence=fit_confidence(signals, good))
    numbers.save(run / GUIDE)
    options = {"beam_size": 3, "max_length": MAX_LENGTH, "length_penalty": penalty}
    tuned = {"split": "dev", **weights_of(run), "chosen": options}
    (run / SEARCH).write_text(json.dumps(tuned) + "\n")
    described = {
        "ranking": chosen.ranking._asdict(),
        "tried": chosen.tried,
        "thresholds": chosen.masks,
    }
    (run / "guide.json").write_text(json.dumps(described, indent=2) + "\n")
    return described


def _dev_photos(dataset: Dataset, features: FeatureCache) -> list[DevPhotos]:
    """By source: in a data set of several, a name begins with its source's and a slash."""
    several = len(dataset.sources) > 1
    groups: dict[str, list[str]] = {}
    for name in dataset.splits["dev"]:
        groups.setdefault(name.split("/")[0] if several else "", []).append(name)
    return [
        DevPhotos(
            tuple(names),
            {name: dataset.tokens(name) for name in names},
            dataset.labels,
            features.read(names, [False] * len(names)),
        )
        for names in groups.values()
    ]


def _fit_heads(
    dataset: Dataset,
    features: FeatureCache,
    pooled: npt.NDArray[np.float32],
    captions: Captions,
    odd: Maps,
) -> Heads:
    """The heads of training photos with captions, and of pictures that are no photos."""
    captioned = dataset.splits["train"]
    some = captioned[:: -(-len(captioned) // LOOKED_AT)]
    people = find_people(pooled, captions, features.read(some, [False] * len(some)))

    def pool_both(maps: Maps) -> npt.NDArray[np.float32]:
        return np.asarray(pool(maps, people))

    photos = features.pooled([n for n in dataset.trainable if n in features.rows], pool_both)
    plain = photos[: len(captioned)]  # they come first
    mirrored = features.pooled(captioned, pool_both, mirrored=True)
    return fit_heads(people, [plain, mirrored], captions, photos, pool_both(odd))


def _odd(encoder: Encoder) -> Maps:
    """Maps of pictures that are no photos: float16 [M, cells, F]."""
    pictures = np.stack([each.pixels for each in oddities(ODDITIES, 0, encoder.spec.side)])
    return np.concatenate(
        [
            encode(encoder, pictures[start : start + BATCH]).numpy().astype(np.float16)
            for start in range(0, len(pictures), BATCH)
        ]
    )


def _no_confidence() -> ConfidenceWeights:
    nothing = np.zeros(len(SIGNALS), np.float32)
    return ConfidenceWeights(nothing, nothing + 1, nothing, 0.0)


def _masked(search: GuidedSearch, heads: Heads, dev: DevPhotos) -> MaskedCandidates:
    """The candidates under each of `MASKS`, with what the heads say of each photo."""
    found = (_candidates(search, mask, dev) for mask in MASKS)
    candidates, captions = zip(*found, strict=True)
    seen = heads.seen(dev.maps).numpy()[:, :-1]  # without that of a photo
    references = [dev.references[name] for name in dev.names]
    return MaskedCandidates(candidates, captions, seen, references)


def _candidates(
    search: GuidedSearch, mask: Thresholds, dev: DevPhotos
) -> tuple[Candidates, list[list[str]]]:
    """What ranks the candidates under a mask, and their captions."""
    found = search.run(dev.maps, mask)
    captions = [search.captions(each) for each in found.tokens]
    parts = {
        name: found.signals[..., SIGNALS.index(name)]
        for name in ("words", "pairs", "objects", "agreement")
    }
    candidates = Candidates(
        found.token_log_probs.sum(axis=-1),
        (found.tokens != 0).sum(axis=-1),
        **parts,
        cider=dev.cider(captions),
        absent=dev.absent(captions),
    )
    return candidates, captions
