"""A collection of photos, of their captions and labels, and of captions without photos."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from training.data.formats.source import Text
from training.data.text import tokenize

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class Dataset:
    """One or several sources as one.

    Photos go by a name, which begins with the source's where there are several. Every photo of a
    split has a caption with a word in it. Photos in none of the splits may have labels.
    """

    files: Mapping[str, Path]
    captions: Mapping[str, tuple[str, ...]]
    splits: Mapping[str, tuple[str, ...]]
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    uncaptioned: tuple[str, ...] = ()  # photos without captions, and in no split
    texts: tuple[Text, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)  # of training photos, if not 1
    left_out: Mapping[str, str] = field(default_factory=dict)  # why a photo is not here
    sources: tuple[str, ...] = ()  # their names

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every photo of a split, in the order of the splits."""
        return tuple(name for split in SPLITS for name in self.splits[split])

    @cached_property
    def readable(self) -> tuple[str, ...]:
        """Photos whose features are of use: those of the splits, then those with labels only."""
        return (*self.names, *(name for name in self.uncaptioned if name in self.labels))

    @cached_property
    def trainable(self) -> tuple[str, ...]:
        """Photos whose pixels and labels may be learned from: train's, then the uncaptioned."""
        return (*self.splits["train"], *self.uncaptioned)

    def worded(self, name: str) -> list[str]:
        """The captions of a photo; one without any word is left out."""
        return [caption for caption in self.captions[name] if tokenize(caption)]

    def tokens(self, name: str) -> list[list[str]]:
        """The tokenised captions of a photo; one without any word is left out."""
        return [tokens for caption in self.captions[name] if (tokens := tokenize(caption))]

    def references(self, split: str) -> dict[str, list[str]]:
        """The tokenised captions of each photo of a split, words joined by spaces."""
        return {
            name: [" ".join(tokens) for tokens in self.tokens(name)] for name in self.splits[split]
        }

    def weight(self, name: str) -> float:
        """How often an epoch shows a training photo, on average."""
        return self.weights.get(name, 1.0)
