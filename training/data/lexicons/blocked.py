"""Words that no caption may hold: ethnicity, religion, disability, body and sexuality.

`blocked.toml` says how they were chosen and which words cannot be blocked.
"""

from collections.abc import Iterable
from functools import cache

from training.data.lexicons import read_lexicon


@cache
def blocked_words() -> frozenset[str]:
    """Every blocked word, lower case."""
    return frozenset[str]().union(*blocked_categories().values())


@cache
def blocked_categories() -> dict[str, frozenset[str]]:
    """The blocked words by what they are about."""
    return {
        category: frozenset(words.split()) for category, words in read_lexicon("blocked").items()
    }


def is_blocked(word: str) -> bool:
    """Whether a token, or a part of it between hyphens, is blocked."""
    blocked = blocked_words()
    return word in blocked or any(part in blocked for part in word.split("-"))


def blocked_ids(words: Iterable[str]) -> list[int]:
    """The token ids, that is the positions in a vocabulary's words, that the search must mask."""
    return [i for i, word in enumerate(words) if is_blocked(word)]
