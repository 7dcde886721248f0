"""Captions as TF-IDF weighted n-grams, as CIDEr sees them (Vedantam et al. 2015, section 4)."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

ORDERS = 4  # of the longest n-gram

Gram = tuple[str, ...]


class Vectors(NamedTuple):
    """A caption, one vector an order."""

    weights: list[dict[Gram, float]]
    norms: list[float]
    length: int


class Rarity:
    """In how many photos' captions an n-gram stands."""

    def __init__(self, captions: Mapping[str, Sequence[Sequence[str]]]) -> None:
        """`captions` are tokenised captions by photo."""
        documents: Counter[Gram] = Counter()
        for group in captions.values():
            documents.update(set(chain.from_iterable(map(grams, group))))
        self._log_photos = math.log(len(captions))
        self._log_documents = {gram: math.log(count) for gram, count in documents.items()}

    def vectors(self, words: Sequence[str]) -> Vectors:
        """Of a tokenised caption."""
        weights: list[dict[Gram, float]] = [{} for _ in range(ORDERS)]
        length = 0
        for gram, count in grams(words).items():
            rarity = self._log_photos - self._log_documents.get(gram, 0.0)
            weights[len(gram) - 1][gram] = count * rarity
            # The original code takes the number of bigrams for the length; so do all others.
            length += count if len(gram) == 2 else 0
        norms = [math.sqrt(sum(value * value for value in each.values())) for each in weights]
        return Vectors(weights, norms, length)


def grams(words: Sequence[str]) -> Counter[Gram]:
    """The n-grams of every order, counted."""
    return Counter(
        tuple(words[start : start + order])
        for order in range(1, ORDERS + 1)
        for start in range(len(words) - order + 1)
    )


def consensus(captions: Iterable[Vectors]) -> list[float]:
    """How alike each caption and all of them are: its mean cosine similarity, orders averaged.

    (The consensus score of Devlin et al. 2015, with CIDEr for the similarity.)
    """
    all_captions = list(captions)
    total: defaultdict[Gram, float] = defaultdict(float)
    for each in all_captions:
        for weights, norm in zip(each.weights, each.norms, strict=True):
            for gram, value in weights.items():
                total[gram] += value / norm if norm else 0.0
    scale = 1 / (ORDERS * len(all_captions))
    return [
        scale
        * sum(
            sum(value * total[gram] for gram, value in weights.items()) / norm
            for weights, norm in zip(each.weights, each.norms, strict=True)
            if norm
        )
        for each in all_captions
    ]
