"""A run's guide as a file: what was fitted and chosen on dev, as arrays by name."""

from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from training.data.lexicons.blocked import blocked_ids
from training.data.lexicons.people import people_lexicon
from training.data.text import Vocabulary
from training.models.heads import HEADS, Heads
from training.models.tagger import TagHead
from training.search.confidence import SIGNALS, ConfidenceWeights
from training.search.guided import Guide
from training.search.neighbours import Neighbours
from training.search.ranking import Ranking, RankingWeights
from training.search.words import Mask, PeopleWords, Thresholds


class GuideNumbers(NamedTuple):
    """All of a guide that is a number; the rest follows from the vocabulary and the tags."""

    heads: Heads
    ranking: RankingWeights
    neighbours: Neighbours
    thresholds: Thresholds
    confidence: ConfidenceWeights

    def save(self, path: Path) -> None:
        arrays = {f"heads_{name}": each for name, each in self.heads._asdict().items()}
        arrays |= {f"confidence_{name}": each for name, each in self.confidence._asdict().items()}
        arrays |= {"ranking": self.ranking, "least": self.thresholds}
        named: dict[str, Any] = {k: np.asarray(each, np.float32) for k, each in arrays.items()}
        # In their own types: float32 does not hold every key of a pair.
        named |= {f"neighbours_{name}": each for name, each in self.neighbours._asdict().items()}
        np.savez(path, **named)


def load_guide_numbers(path: Path) -> GuideNumbers:
    """Raises FileNotFoundError before `python -m training guide` has run.

    A guide of version 3.4.0 or before, which has other heads, is a ValueError.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; run `python -m training guide` first")
    other = ValueError(f"{path} is of another version; run `python -m training guide` again")
    with np.load(path) as arrays:
        if not {f"heads_{name}" for name in Heads._fields} <= arrays.keys():
            raise other
        heads = Heads(*(arrays[f"heads_{name}"] for name in Heads._fields))
        mean, deviation, weights, intercept = (
            arrays[f"confidence_{name}"] for name in ConfidenceWeights._fields
        )
        least = arrays["least"].tolist()
        sizes = (len(heads.bias), len(weights), len(least))
        if sizes != (len(HEADS), len(SIGNALS), len(Thresholds._fields)):
            raise other
        return GuideNumbers(
            heads,
            RankingWeights(*arrays["ranking"].tolist()),
            Neighbours(*(arrays[f"neighbours_{name}"] for name in Neighbours._fields)),
            Thresholds(*least),
            ConfidenceWeights(mean, deviation, weights, float(intercept)),
        )


def build_guide(numbers: GuideNumbers, head: TagHead, vocabulary: Vocabulary) -> Guide:
    """The guide of a run, for a vocabulary that has every word of the tags."""
    blocked = np.zeros(len(vocabulary), np.bool_)
    blocked[blocked_ids(vocabulary.words)] = True
    return Guide(
        numbers.heads,
        ranking(head, vocabulary, numbers.ranking),
        numbers.neighbours,
        blocked,
        people_words(vocabulary, numbers.thresholds),
        numbers.confidence,
    )


def ranking(head: TagHead, vocabulary: Vocabulary, weights: RankingWeights) -> Ranking:
    """What the columns of a tag head say of a vocabulary's words."""
    names = head.names
    ids = {word: i for i, word in enumerate(vocabulary.words)}
    columns = names.object_columns(vocabulary)
    object_words = np.flatnonzero(columns < len(names.objects)).astype(np.int32)
    return Ranking(
        objects=len(names.objects),
        words=np.array([ids[word] for word in names.words], np.int32),
        pairs=np.array([[ids[word] for word in pair] for pair in names.pairs], np.int32),
        idf=head.idf,
        object_words=object_words,
        named_objects=columns[object_words].astype(np.int32),
        vocabulary_size=len(vocabulary),
        weights=weights,
    )


def people_words(vocabulary: Vocabulary, thresholds: Thresholds) -> PeopleWords:
    """The gendered words of a vocabulary, pronouns beside those of adults."""
    lexicon = people_lexicon()
    nouns = lexicon.nouns
    return PeopleWords(
        mask(vocabulary, nouns["male"] | lexicon.male_pronouns.keys()),
        mask(vocabulary, nouns["female"] | lexicon.female_pronouns.keys()),
        mask(vocabulary, nouns["boy"]),
        mask(vocabulary, nouns["girl"]),
        thresholds,
    )


def mask(vocabulary: Vocabulary, words: AbstractSet[str]) -> Mask:
    """Where the vocabulary's words, or a part of a hyphenated one, are among `words`: bool [V]."""
    return np.array(
        [
            word in words or any(part in words for part in word.split("-"))
            for word in vocabulary.words
        ]
    )
