"""What a model gets wrong, for whom: one module a question, each pure functions of captions."""

from collections.abc import Mapping, Sequence

Captions = Mapping[str, Sequence[str]]  # by photo: the words of one caption
References = Mapping[str, Sequence[Sequence[str]]]  # by photo: the words of people's captions


def joined(captions: Captions) -> dict[str, str]:
    """Captions as the metrics want them, words joined by spaces."""
    return {name: " ".join(words) for name, words in captions.items()}


def all_joined(references: References) -> dict[str, list[str]]:
    """References, in the same way."""
    return {name: [" ".join(words) for words in group] for name, group in references.items()}
