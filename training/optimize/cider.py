"""The reward of a sampled caption: its CIDEr-D against the photo's own training captions.

CIDEr-D (Vedantam et al. 2015, section 4) with document frequencies from the training captions.
`<end>` counts as a word, on both sides, or captions would learn to stop anywhere ("... on a";
Rennie et al. 2017). pycocoevalcap cannot do it: it takes the frequencies from the photos it
scores. Without `<end>` both agree, which a test checks.
"""

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from training.data.batches import Batch
from training.data.lexicons.people import neutral, neutral_ids
from training.data.ngrams import ORDERS, Rarity, Vectors
from training.data.text import END, PAD, Vocabulary
from training.data.texts import TextBatch
from training.optimize.objects import ObjectReward
from training.optimize.steps import Trainer

SIGMA = 6.0  # of the penalty on a difference in length
SCALE = 10.0


class CiderReward:
    """Scores captions against fixed references, which are read once."""

    def __init__(self, references: Mapping[str, Sequence[Sequence[str]]]) -> None:
        """`references` are tokenised captions by photo, with `<end>` if it is to count."""
        self._rarity = Rarity(references)
        self._references = {
            name: [self._rarity.vectors(each) for each in group]
            for name, group in references.items()
        }

    def score(self, name: str, caption: Sequence[str]) -> float:
        """CIDEr-D of a tokenised caption of the photo `name`, from 0 to 10."""
        found = self._rarity.vectors(caption)
        references = self._references[name]
        return SCALE * sum(_similarity(found, each) for each in references) / len(references)


def _similarity(found: Vectors, reference: Vectors) -> float:
    """Clipped cosine similarity, averaged over the orders, less for a difference in length."""
    total = 0.0
    for order in range(ORDERS):
        theirs = reference.weights[order]
        product = sum(
            min(value, theirs[gram]) * theirs[gram]
            for gram, value in found.weights[order].items()
            if gram in theirs
        )
        if product:
            total += product / (found.norms[order] * reference.norms[order])
    difference = found.length - reference.length
    return total / ORDERS * math.exp(-(difference**2) / (2 * SIGMA**2))


def advantages(rewards: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Rewards [B, S] of an image's S samples, each less the mean of the other S - 1.

    (Luo 2020, "A Better Variant of Self-Critical Sequence Training".)
    """
    samples = rewards.shape[1]
    others = (rewards.sum(axis=1, keepdims=True) - rewards) / (samples - 1)
    less: npt.NDArray[np.float32] = rewards - others
    return less


class CiderSteps:
    """Self-critical steps (Rennie et al. 2017): draw captions, score them, learn from it."""

    def __init__(
        self,
        trainer: Trainer,
        vocabulary: Vocabulary,
        captions: Mapping[str, Sequence[Sequence[str]]],
        objects: ObjectReward | None = None,
        pseudo: Collection[str] = (),
    ) -> None:
        """`captions` are the training photos' own, tokenised, in the order of the photos.

        Those of the photos in `pseudo` were not written for them, and count less.
        """
        self._objects = objects
        self._pseudo = frozenset(pseudo)
        self._trainer = trainer
        self._words = vocabulary.words
        self._names = tuple(captions)
        self._gendered = np.zeros(len(vocabulary), np.bool_)
        self._gendered[neutral_ids(vocabulary.words)] = True
        end = vocabulary.words[END]
        self._reward = CiderReward(
            {name: [[*each, end] for each in group] for name, group in captions.items()}
        )
        self._neutral = self._reward
        if trainer.config.neutral_share:
            # Of their own frequencies: "person" is no rare word among neutral captions.
            self._neutral = CiderReward(
                {
                    name: [[*neutral(each), end] for each in group]
                    for name, group in captions.items()
                }
            )

    def step(self, batch: Batch | TextBatch) -> float:
        """One update from the batch's photos; returns its samples' mean reward."""
        if isinstance(batch, TextBatch):
            raise TypeError("captions without photos cannot be rewarded; set texts to 0")
        samples = self._trainer.config.samples
        tags = self._trainer.tags_of(batch)
        images = batch.images.numpy()
        in_neutral = self._draw_neutral(len(images))
        forbidden = in_neutral[:, np.newaxis] & self._gendered
        tokens = self._trainer.sample(batch.maps, tags, forbidden)
        rewards = self._rewards(
            tokens.numpy(), np.repeat(images, samples), np.repeat(in_neutral, samples)
        )
        advantage = advantages(rewards.reshape(-1, samples)).reshape(-1)
        owners = np.repeat(np.arange(len(images), dtype=np.int32), samples)
        self._trainer.reinforce(
            batch.maps, tags, forbidden, tokens, owners, batch.tokens, batch.owners, advantage
        )
        return float(rewards.mean())

    def _draw_neutral(self, photos: int) -> npt.NDArray[np.bool_]:
        """Which photos of the next step get captions in neutral wording: bool [photos]."""
        config, step = self._trainer.config, int(self._trainer.optimizer.iterations)
        drawn: npt.NDArray[np.bool_] = (
            np.random.default_rng([config.seed, step]).random(photos) < config.neutral_share
        )
        return drawn

    def _rewards(
        self,
        tokens: npt.NDArray[np.int32],
        images: npt.NDArray[np.int64],
        in_neutral: npt.NDArray[np.bool_],
    ) -> npt.NDArray[np.float32]:
        rows = zip(tokens.tolist(), images.tolist(), in_neutral.tolist(), strict=True)
        return np.array(
            [
                self._score(
                    self._neutral if is_neutral else self._reward,
                    self._names[image],
                    self._caption(row),
                )
                for row, image, is_neutral in rows
            ],
            np.float32,
        )

    def _score(self, cider: CiderReward, name: str, caption: list[str]) -> float:
        trust = self._trainer.config.pseudo_reward if name in self._pseudo else 1.0
        reward = trust * cider.score(name, caption)
        return reward + (self._objects.score(name, caption) if self._objects else 0.0)

    def _caption(self, ids: list[int]) -> list[str]:
        """The words behind `<start>`, `<end>` among them where it was written."""
        return [self._words[i] for i in ids[1:] if i != PAD]
