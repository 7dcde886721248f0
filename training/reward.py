"""The reward of a sampled caption: its CIDEr-D against the photo's own training captions.

CIDEr-D (Vedantam et al. 2015, section 4) with document frequencies from the training captions.
`<end>` counts as a word, on both sides, or captions would learn to stop anywhere ("... on a";
Rennie et al. 2017). pycocoevalcap cannot do it: it takes the frequencies from the photos it
scores. Without `<end>` both agree, which a test checks.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from training.ngrams import ORDERS, Rarity, Vectors

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
