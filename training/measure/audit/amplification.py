"""Whether captions exaggerate what training captions say of men and women.

After Zhao et al. 2017 ("Men also like shopping", section 3): the share of men among the captions
with a word, in training and in what the model says.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from training.data.lexicons.people import gender_of
from training.data.lexicons.scenes import amplification_words
from training.measure.intervals import share

LEAST = 10  # captions of one gender with the word, on both sides, for the mean


def amplification(
    captions: Sequence[Sequence[str]], training: Sequence[Sequence[str]]
) -> dict[str, Any]:
    """For each word the shares of men, and how far the model exaggerates on average.

    `amplification` of a word is the rise of the share of the gender that training has more of;
    positive means that the model exaggerates.
    """
    words: dict[str, Any] = {}
    for word in amplification_words():
        taught, said = _men(training, word), _men(captions, word)
        words[word] = {"training": taught, "captions": said, "amplification": None}
        if min(taught["of"], said["of"]) >= LEAST:
            sign = 1 if taught["share"] >= 0.5 else -1
            words[word]["amplification"] = round(sign * (said["share"] - taught["share"]), 4)
    rises = [each["amplification"] for each in words.values() if each["amplification"] is not None]
    return {
        "words": words,
        "mean": round(sum(rises) / len(rises), 4) if rises else None,
        "words_in_mean": len(rises),
    }


def _men(captions: Iterable[Sequence[str]], word: str) -> dict[str, Any]:
    """The share of men among the captions with the word that name one gender."""
    told = [gender_of(caption) for caption in captions if word in caption]
    men, women = told.count("male"), told.count("female")
    return share(men, men + women)
