"""What captions repeat of the training captions, and words they must not hold."""

from collections.abc import Iterable, Sequence
from typing import Any

from training.data.lexicons.blocked import blocked_categories, is_blocked
from training.measure.intervals import share

GRAM = 6  # words in a row that count as copied

Caption = Sequence[str]


def copying(captions: Sequence[Caption], training: Iterable[Caption]) -> dict[str, Any]:
    """The shares of captions that stand in the training captions: whole, and by six words in a row.

    `grams` is the share of all the captions' six words in a row.
    """
    whole: set[tuple[str, ...]] = set()
    taught: set[tuple[str, ...]] = set()
    for each in training:
        whole.add(tuple(each))
        taught.update(_grams(each))
    grams = [_grams(each) for each in captions]
    return {
        "verbatim": share(sum(tuple(each) in whole for each in captions), len(captions)),
        "with_six_words": share(
            sum(any(gram in taught for gram in each) for each in grams), len(captions)
        ),
        "grams": share(
            sum(gram in taught for each in grams for gram in each), sum(map(len, grams))
        ),
    }


def _grams(caption: Caption) -> list[tuple[str, ...]]:
    return [tuple(caption[i : i + GRAM]) for i in range(len(caption) - GRAM + 1)]


def blocked(captions: Sequence[Caption]) -> dict[str, Any]:
    """The share of captions with a blocked word, and how many hold words of each category."""
    return {
        "captions": share(sum(any(map(is_blocked, each)) for each in captions), len(captions)),
        "categories": {
            category: sum(not words.isdisjoint(each) for each in captions)
            for category, words in blocked_categories().items()
        },
    }
