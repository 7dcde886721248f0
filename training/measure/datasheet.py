"""What a data set holds, counted for its datasheet (Gebru et al. 2021)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from training.data.dataset import SPLITS, Dataset
from training.data.lexicons.blocked import blocked_categories
from training.data.lexicons.people import gender_of, names_people
from training.data.text import tokenize

MOST = 10  # labels that are listed

Captions = Iterable[Sequence[str]]


def datasheet(dataset: Dataset) -> dict[str, Any]:
    """Counts of photos, captions, the people they mention, blocked words and labels.

    Counts of words are over the training captions and the captions without photos, which are what
    a model learns from.
    """
    texts = [tokenize(each.caption) for each in dataset.texts]
    train = [words for name in dataset.splits["train"] for words in dataset.tokens(name)]
    labels = Counter(label for name in dataset.files for label in dataset.labels.get(name, ()))
    return {
        "photos": {split: len(dataset.splits[split]) for split in SPLITS}
        | {"without captions": len(dataset.uncaptioned)},
        "captions": {
            split: sum(len(dataset.captions[name]) for name in dataset.splits[split])
            for split in SPLITS
        },
        "captions without photos": {
            "captions": len(texts),
            "photos": len({each.photo for each in dataset.texts}),
        },
        "people in training captions": people(train),
        "people in captions without photos": people(texts) if texts else None,
        "blocked words": {
            category: sum(not words.isdisjoint(each) for each in (*train, *texts))
            for category, words in blocked_categories().items()
        },
        "labelled photos": sum(bool(dataset.labels.get(name)) for name in dataset.files),
        "most frequent labels": dict(labels.most_common(MOST)),
    }


def people(captions: Captions) -> dict[str, int]:
    """How many captions mention only men, only women, both, people without a gender, or nobody."""
    counts: Counter[str] = Counter()
    for words in captions:
        counts[gender_of(words) or ("neutral" if names_people(words) else "nobody")] += 1
    return {each: counts[each] for each in ("male", "female", "both", "neutral", "nobody")}
