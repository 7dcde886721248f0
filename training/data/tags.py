"""Tags: the objects, frequent words and word pairs that a photo can be said to show.

The tags of a photo are a row of numbers. First come its objects, 1 where they are there; then the
words and the pairs of neighbouring words, each with the share of the photo's captions it stands in.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from training.data.lexicons.objects import objects_named
from training.data.text import SPECIAL_WORDS, Vocabulary

Pair = tuple[str, str]
Floats = npt.NDArray[np.float32]
Caption = Sequence[str]  # its tokens

# "man" and "girl" say more than that a person is there, so a person speaks for no single word.
PERSON = "person"


@dataclass(frozen=True)
class TagNames:
    """What the columns stand for: objects first, then words, then pairs."""

    objects: tuple[str, ...]
    words: tuple[str, ...]
    pairs: tuple[Pair, ...]

    def __len__(self) -> int:
        return len(self.objects) + len(self.words) + len(self.pairs)

    @property
    def read(self) -> int:
        """How many columns a decoder reads: objects and words."""
        return len(self.objects) + len(self.words)

    @cached_property
    def grams(self) -> dict[str | Pair, int]:
        """The columns of words and pairs, counted from the first word."""
        every: list[str | Pair] = [*self.words, *self.pairs]
        return {gram: column for column, gram in enumerate(every)}

    def present(self, labels: Iterable[str]) -> Floats:
        """1 for each of the objects among the labels: float32 [objects]."""
        found = set(labels)
        return np.array([name in found for name in self.objects], np.float32)

    def shares(self, captions: Sequence[Caption]) -> Floats:
        """The share of tokenised captions that hold each word and pair: float32 [words + pairs]."""
        shares = np.zeros(len(self.grams), np.float32)
        for caption in captions:
            shares[self.columns_of(caption)] += 1
        shares /= max(len(captions), 1)
        return shares

    def columns_of(self, caption: Caption) -> list[int]:
        """The columns, counted from the first word, of the grams that a caption holds."""
        return sorted({self.grams[gram] for gram in grams(caption) if gram in self.grams})

    def word_columns(self, vocabulary: Vocabulary) -> npt.NDArray[np.int32]:
        """The column of each word's own tag, `read` where it has none: int32 [V]."""
        columns = {word: len(self.objects) + i for i, word in enumerate(self.words)}
        return np.array([columns.get(word, self.read) for word in vocabulary.words], np.int32)

    def object_columns(self, vocabulary: Vocabulary) -> npt.NDArray[np.int32]:
        """The column of the object that each word names, `read` where it names none: int32 [V]."""
        columns = {name: i for i, name in enumerate(self.objects) if name != PERSON}
        part_of = _parts(self.objects)

        def column(word: str) -> int:
            named = objects_named([word]) or {part_of.get(word, word)}
            return min((columns[name] for name in named if name in columns), default=self.read)

        return np.array([column(word) for word in vocabulary.words], np.int32)


def _parts(objects: Iterable[str]) -> dict[str, str]:
    """The words that only one object's name of several words has ("hydrant"), and that object."""
    names = [name for name in objects if " " in name]
    counts = Counter(part for name in names for part in name.split())
    return {part: name for name in names for part in name.split() if counts[part] == 1}


def grams(caption: Caption) -> set[str | Pair]:
    """The words and neighbouring pairs of a tokenised caption."""
    return {*caption, *pairwise(caption)}


def choose_tags(
    photos: Mapping[str, Sequence[Caption]],
    texts: Mapping[str, Sequence[Caption]],
    objects: Iterable[str],
    vocabulary: Vocabulary,
    counts: tuple[int, int, int],
) -> TagNames:
    """The grams in the captions of enough photos, each word of them in the vocabulary.

    `photos` have tokenised captions and pixels, `texts` the captions of photos that are not there.
    `counts` are how many photos with pixels, or how many without, make a tag: first of a word or
    a pair with pixels, then of a word and of a pair without.
    """
    seen, told = _documents(photos.values()), _documents(texts.values())
    here, word_count, pair_count = counts
    known = set(vocabulary.words)
    words = [
        word
        for word in vocabulary.words[len(SPECIAL_WORDS) :]
        if seen[word] >= here or told[word] >= word_count
    ]
    pairs = [
        gram
        for gram in seen | told
        if isinstance(gram, tuple)
        and known.issuperset(gram)
        and (seen[gram] >= here or told[gram] >= pair_count)
    ]
    return TagNames(tuple(sorted(objects)), tuple(words), tuple(sorted(pairs)))


def _documents(groups: Iterable[Sequence[Caption]]) -> Counter[str | Pair]:
    """In the captions of how many photos each gram stands."""
    documents: Counter[str | Pair] = Counter()
    for group in groups:
        documents.update(set().union(*map(grams, group)))
    return documents
