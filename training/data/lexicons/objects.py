"""Which of COCO's 80 objects a caption names (Rohrbach et al. 2018, section 3.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from training.data.lexicons import read_lexicon

Phrase = tuple[str, ...]
PERSON = "person"

# What may follow a noun; before anything else "orange" is the colour of it.
_AFTER_NOUNS = frozenset(
    "a an the and or on in at of with near next to from for by under beside inside is are sits "
    "sitting sit lying laying cut sliced that which".split()
)
_BEFORE_COLOURS = frozenset("in is are wearing bright dark light all".split())


@dataclass(frozen=True)
class ObjectLexicon:
    """Phrases and the object each names; None where a phrase names none ("home plate")."""

    phrases: dict[Phrase, str | None]
    labels: tuple[str, ...]
    descriptions: frozenset[str]
    animals: frozenset[str]
    ambiguous: frozenset[str]  # colours that are objects as well
    colours: frozenset[str]

    @property
    def longest(self) -> int:
        """The most words of a phrase."""
        return max(map(len, self.phrases))


@cache
def object_lexicon() -> ObjectLexicon:
    """The lists of `objects.toml`, plurals added."""
    tables = read_lexicon("objects")
    phrases: dict[Phrase, str | None] = {}
    for label, synonyms in tables["objects"].items():
        for name in (label.replace(" ", "_"), *synonyms.split()):
            phrases |= dict.fromkeys(_numbers(name), label)
    for name in tables["other"]["phrases"].split():
        phrases |= dict.fromkeys(_numbers(name))
    for name, label in tables["also"].items():
        phrases |= dict.fromkeys(_numbers(name), label)
    return ObjectLexicon(
        phrases=phrases,
        labels=tuple(tables["objects"]),
        descriptions=frozenset(tables["descriptions"]["words"].split()),
        animals=frozenset(tables["descriptions"]["animals"].split()),
        ambiguous=frozenset(tables["colours"]["ambiguous"].split()),
        colours=frozenset(tables["colours"]["others"].split()),
    )


def thing_words() -> frozenset[str]:
    """Single words that name an object which is no person."""
    named = {words: label for words, label in object_lexicon().phrases.items() if len(words) == 1}
    return frozenset(word for (word,), label in named.items() if label not in (None, PERSON))


def _numbers(name: str) -> list[Phrase]:
    """A phrase, written with underscores, in the singular and the plural."""
    *before, last = name.split("_")
    return [(*before, last), (*before, _plural(last))]


def _plural(word: str) -> str:
    if word.endswith(("s", "x", "ch", "sh")):
        return f"{word}es"
    if word.endswith("y") and word[-2] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}s"


def objects_named(tokens: Sequence[str]) -> set[str]:
    """The labels of the COCO objects that a tokenised caption names.

    The longest phrase at a place counts alone: "hot dog" is no dog, "home plate" is nothing.
    """
    lexicon = object_lexicon()
    words = _split_hyphens(tokens, lexicon)
    found: set[str] = set()
    start = 0
    while start < len(words):
        phrase = _longest_phrase(words, start, lexicon)
        label = lexicon.phrases.get(phrase)
        if label and not (_describes(words, start, lexicon) or _is_colour(words, start, lexicon)):
            found.add(label)
        start += max(len(phrase), 1)
    return found


def _split_hyphens(tokens: Sequence[str], lexicon: ObjectLexicon) -> list[str]:
    words: list[str] = []
    for token in tokens:
        words += [token] if (token,) in lexicon.phrases else token.split("-")
    return words


def _longest_phrase(words: Sequence[str], start: int, lexicon: ObjectLexicon) -> Phrase:
    for size in range(lexicon.longest, 0, -1):
        phrase = tuple(words[start : start + size])
        if len(phrase) == size and phrase in lexicon.phrases:
            return phrase
    return ()


def _describes(words: Sequence[str], at: int, lexicon: ObjectLexicon) -> bool:
    """Whether a word such as "baby" only describes the animal after it."""
    if words[at] not in lexicon.descriptions:
        return False
    following = _longest_phrase(words, at + 1, lexicon)
    return lexicon.phrases.get(following) in lexicon.animals


def _is_colour(words: Sequence[str], at: int, lexicon: ObjectLexicon) -> bool:
    if words[at] not in lexicon.ambiguous:
        return False
    before, following = list(words[:at][-2:]), list(words[at + 1 : at + 3])
    if following and following[0] not in _AFTER_NOUNS:
        return True
    joined_before = len(before) == 2 and before[1] == "and" and before[0] in lexicon.colours
    joined_after = len(following) == 2 and following[0] == "and" and following[1] in lexicon.colours
    return joined_before or joined_after or bool(before and before[-1] in _BEFORE_COLOURS)
