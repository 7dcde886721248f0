"""How captions and confidences move when photos are disturbed, and on pictures without a sense."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from training.data.ngrams import Rarity, Vectors
from training.measure.audit.disturbances import DISTURBANCES, disturb
from training.measure.intervals import mean, share
from training.measure.oddities import oddities

BATCH = 8

Pixels = npt.NDArray[np.uint8]


class Told(NamedTuple):
    """What a model says of an image: a caption's words and how sure it is of it, if it tells."""

    words: list[str]
    confidence: float | None


Caption = Callable[[Pixels], list[Told]]  # of RGB pixels uint8 [B, 224, 224, 3]
Score = Callable[[Mapping[str, Sequence[str]]], Mapping[str, float]]  # captions to CIDEr by photo


def robustness(
    caption: Caption,
    photos: Mapping[str, Pixels],
    rarity: Rarity,
    score: Score,
    threshold: float | None,
) -> dict[str, Any]:
    """Compare captions of disturbed photos with those of the photos as they are.

    `similarity` is the mean cosine of the captions' TF-IDF weighted n-grams, as in CIDEr: 1 for
    equal captions. `cider` is against people's captions, by `score`. A confidence under
    `threshold` is uncertain.
    """
    plain = _told(caption, photos, "as they are")
    result = {"as they are": _described(plain, plain, rarity, score, threshold)}
    for how in DISTURBANCES:
        moved = {name: disturb(pixels, how) for name, pixels in photos.items()}
        told = _told(caption, moved, how)
        result[how] = _described(told, plain, rarity, score, threshold)
    return result


def _told(caption: Caption, photos: Mapping[str, Pixels], what: str) -> dict[str, Told]:
    names = list(photos)
    told: list[Told] = []
    for start in tqdm(range(0, len(names), BATCH), desc=what, mininterval=1, leave=False):
        told += caption(np.stack([photos[name] for name in names[start : start + BATCH]]))
    return dict(zip(names, told, strict=True))


def _described(
    told: Mapping[str, Told],
    plain: Mapping[str, Told],
    rarity: Rarity,
    score: Score,
    threshold: float | None,
) -> dict[str, Any]:
    captions = {name: each.words for name, each in told.items()}
    similarities = [
        similarity(rarity.vectors(plain[name].words), rarity.vectors(words))
        for name, words in captions.items()
    ]
    same = sum(words == plain[name].words for name, words in captions.items())
    scores = list(score(captions).values())
    return {
        "same": share(same, len(told)),
        "similarity": mean(np.array(similarities)),
        "cider": mean(np.array(scores, np.float64)),
        "confidence": mean(_confidences(told.values())),
        "uncertain": _uncertain(list(told.values()), threshold),
    }


def similarity(one: Vectors, other: Vectors) -> float:
    """The mean over the orders of two captions' cosine; orders that neither has are left out."""
    cosines = [
        sum(value * theirs.get(gram, 0.0) for gram, value in ours.items()) / (norm * other_norm)
        if norm and other_norm
        else 0.0
        for ours, theirs, norm, other_norm in zip(
            one.weights, other.weights, one.norms, other.norms, strict=True
        )
        if norm or other_norm
    ]
    return sum(cosines) / len(cosines) if cosines else 1.0


def odd_pictures(
    caption: Caption, threshold: float | None, count: int, seed: int
) -> dict[str, Any]:
    """By kind of odd picture, the confidence in its captions and the share called uncertain."""
    groups: dict[str, list[Pixels]] = defaultdict(list)
    for kind, pixels in oddities(count, seed):
        groups[kind].append(pixels)
    result = {}
    for kind, pictures in groups.items():
        named = {str(i): pixels for i, pixels in enumerate(pictures)}
        told = list(_told(caption, named, kind).values())
        result[kind] = {
            "confidence": mean(_confidences(told)),
            "uncertain": _uncertain(told, threshold),
        }
    return result


def _confidences(told: Any) -> npt.NDArray[np.float64]:
    return np.array([each.confidence for each in told if each.confidence is not None])


def _uncertain(told: Sequence[Told], threshold: float | None) -> dict[str, Any] | None:
    if threshold is None:
        return None
    sure = _confidences(told)
    return share(int((sure < threshold).sum()), len(sure))
