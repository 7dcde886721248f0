"""Whether a word's attention map shows what the word depends on.

A word depends on a part of the photo if covering that part makes it less probable (Zeiler and
Fergus 2014, section 4.2). The two maps of a word are compared by rank correlation over the cells.
"""

from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from training.measure.artifact import Answer
from training.measure.intervals import mean

REACH = 1.0  # cells that the cover reaches beyond its middle, to each side: 2 cells wide
GONE = -10.0  # log-probability of a word that no caption of the covered photo holds
AT_ONCE = 7  # covered photos in a batch

Pixels = npt.NDArray[np.uint8]
Map = npt.NDArray[np.float64]
Answers = Callable[[Pixels], list[Answer]]  # of RGB pixels uint8 [B, 224, 224, 3]

# Words that depend on their neighbours rather than on the photo.
_FUNCTION_WORDS = frozenset(
    "a an the is are of in on at to with and by from for it its his her their them while as that "
    "this there be being up down through over into near next out off has have".split()
)


def covered(pixels: Pixels, side: int) -> Pixels:
    """The photo with a square of its mean colour over each cell of a grid in turn.

    `pixels` are uint8 [height, width, 3]; returns [side * side, height, width, 3], row by row. The
    squares are two cells wide, since less is hardly noticed.
    """
    height, width, _ = pixels.shape
    colour = pixels.reshape(-1, 3).mean(axis=0).astype(np.uint8)
    pictures = np.repeat(pixels[np.newaxis], side * side, axis=0)
    for cell, picture in enumerate(pictures):
        rows, columns = (
            _span(at, size, side)
            for at, size in zip(divmod(cell, side), (height, width), strict=True)
        )
        picture[rows, columns] = colour
    return pictures


def _span(cell: int, size: int, cells: int) -> slice:
    middle = (cell + 0.5) * size / cells
    reach = REACH * size / cells
    return slice(max(0, round(middle - reach)), min(size, round(middle + reach)))


def word_log_prob(answer: Answer, word: str) -> float:
    """The highest log-probability with which any of an image's captions holds the word."""
    found = [
        float(log_prob)
        for words, log_probs in zip(answer.beams, answer.token_log_probs, strict=True)
        for each, log_prob in zip(words, log_probs, strict=False)
        if each == word
    ]
    return max(max(found, default=-inf), GONE)


def occlusion_map(answer: Answer, answers: Sequence[Answer], word: str) -> Map:
    """By how much the word's log-probability falls if a cell is covered: [cells]."""
    before = word_log_prob(answer, word)
    return np.array([before - word_log_prob(each, word) for each in answers])


def attention_and_occlusion(caption: Answers, photos: Iterable[Pixels]) -> dict[str, Any]:
    """Mean rank correlations over photos, each the mean over its caption's content words.

    `attention` is what is asked; two controls tell how much of it is no merit of the map: `centre`
    correlates occlusion with nearness to the middle, `other` with another photo's attention.
    Raises ValueError where the model does not attend.
    """
    correlations: dict[str, list[float]] = {"attention": [], "centre": [], "other": []}
    previous: Map | None = None
    for pixels in photos:
        (answer,) = caption(pixels[np.newaxis])
        if answer.attention is None:
            raise ValueError("the model has no attention maps to compare with")
        side = answer.attention.shape[1]
        answers = _in_batches(caption, covered(pixels, side))
        found: dict[str, list[float]] = {name: [] for name in correlations}
        for at, word in enumerate(answer.beams[0]):
            if word in _FUNCTION_WORDS:
                continue
            truth = occlusion_map(answer, answers, word)
            attention = answer.attention[at].astype(np.float64).ravel()
            found["attention"].append(rank_correlation(attention, truth))
            found["centre"].append(rank_correlation(_centre(side), truth))
            if previous is not None:
                found["other"].append(rank_correlation(previous, truth))
        previous = answer.attention.mean(axis=0).astype(np.float64).ravel()
        for name, values in found.items():
            known = [value for value in values if not np.isnan(value)]
            if known:
                correlations[name].append(sum(known) / len(known))
    return {name: mean(np.array(values)) for name, values in correlations.items()}


def _in_batches(caption: Answers, pictures: Pixels) -> list[Answer]:
    starts = range(0, len(pictures), AT_ONCE)
    return [answer for start in starts for answer in caption(pictures[start : start + AT_ONCE])]


def rank_correlation(one: Map, other: Map) -> float:
    """Spearman's; NaN where one of the maps is the same everywhere."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(spearmanr(one, other).statistic)


def _centre(side: int) -> Map:
    """Nearness to the middle of a grid: [side * side]."""
    along = (np.arange(side) - (side - 1) / 2) ** 2
    nearness: Map = -(along[:, np.newaxis] + along).ravel()
    return nearness
