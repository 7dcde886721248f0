"""What a caption says of people's gender, and the same caption without saying it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

from training.data.lexicons import read_lexicon

Gender = Literal["male", "female", "both"]

# "he is" is neutral as "they are".
_AGREEMENT = {"is": "are", "was": "were", "has": "have", "does": "do", "'s": "are"}
_ENDS_AN_OBJECT = frozenset(
    "to in on at with while from by as and for up down into onto through near off over out".split()
)


@dataclass(frozen=True)
class PeopleLexicon:
    """Gendered words with their neutral counterparts, and neutral words of people."""

    male: dict[str, str]
    female: dict[str, str]
    male_pronouns: dict[str, str]
    female_pronouns: dict[str, str]
    adults: frozenset[str]
    children: frozenset[str]  # neutral words, "kid"
    gendered_children: frozenset[str]  # "boy", "girls"
    several: frozenset[str]  # words of more than one person

    @property
    def gendered(self) -> dict[str, str]:
        """Every word that tells a gender, pronouns included: what neutral captions may not hold."""
        return self.male | self.female | self.male_pronouns | self.female_pronouns

    @property
    def nouns(self) -> dict[str, frozenset[str]]:
        """The gendered nouns by whom they tell of: male and female adults, boys and girls."""
        children = self.gendered_children
        return {
            "male": frozenset(self.male.keys() - children),
            "female": frozenset(self.female.keys() - children),
            "boy": children & self.male.keys(),
            "girl": children & self.female.keys(),
        }

    @cached_property
    def words(self) -> frozenset[str]:
        """Every noun of people, of a gender or of none."""
        return frozenset(self.male) | frozenset(self.female) | self.neutral

    @property
    def neutral(self) -> frozenset[str]:
        """Words of people that leave the gender open."""
        return self.adults | self.children


@cache
def people_lexicon() -> PeopleLexicon:
    """The lists of `people.toml`."""
    tables = read_lexicon("people")
    return PeopleLexicon(
        male=tables["male"],
        female=tables["female"],
        male_pronouns=tables["male_pronouns"],
        female_pronouns=tables["female_pronouns"],
        adults=frozenset(tables["neutral"]["adults"].split()),
        children=frozenset(tables["neutral"]["children"].split()),
        gendered_children=frozenset(tables["children"]["words"].split()),
        several=frozenset(tables["several"]["words"].split()),
    )


def gender_of(tokens: Iterable[str]) -> Gender | None:
    """The gender that a caption's nouns tell; None if they tell none.

    Pronouns do not count, since captions say "his" of dogs.
    """
    lexicon, words = people_lexicon(), set(tokens)
    male, female = not words.isdisjoint(lexicon.male), not words.isdisjoint(lexicon.female)
    if male and female:
        return "both"
    return "male" if male else "female" if female else None


def agreed_gender(
    captions: Iterable[Sequence[str]], least: int = 3
) -> Literal["male", "female"] | None:
    """The gender that at least `least` captions of a photo tell and none contradicts."""
    told = Counter(map(gender_of, captions))
    if told["both"] or (told["male"] and told["female"]):
        return None
    if told["male"] >= least:
        return "male"
    return "female" if told["female"] >= least else None


def names_people(tokens: Iterable[str]) -> bool:
    """Whether a caption mentions anybody, with or without a gender."""
    return not people_lexicon().words.isdisjoint(tokens)


def neutral_ids(words: Iterable[str]) -> list[int]:
    """The token ids, that is the positions in a vocabulary's words, that neutral wording masks.

    Hyphenated words that hold a gendered part ("three-man") are among them.
    """
    gendered = people_lexicon().gendered
    return [
        i
        for i, word in enumerate(words)
        if word in gendered or any(part in gendered for part in word.split("-"))
    ]


def neutral(tokens: Sequence[str]) -> list[str]:
    """A caption in neutral wording: for references and training, never for the model's captions.

    "a man with his dog" becomes "a person with their dog"; where a noun comes twice by it, "a man
    and a woman", it is "two people". Verbs follow "they".
    """
    gendered = people_lexicon().gendered
    found: list[str] = []
    for i, word in enumerate(tokens):
        before = tokens[i - 1] if i else ""
        if word == "her":
            found.append("them" if _is_object(tokens, i) else "their")
        elif before in ("he", "she") and word in _AGREEMENT:
            found.append(_AGREEMENT[word])
        else:
            found.append(gendered.get(word, word))
    return _merge_pairs(found)


def _is_object(tokens: Sequence[str], i: int) -> bool:
    """Whether the "her" at `i` stands alone ("behind her") rather than before a noun."""
    return i + 1 == len(tokens) or tokens[i + 1] in _ENDS_AN_OBJECT


_PAIRS = {
    ("a", "person", "and", "a", "person"): ["two", "people"],
    ("a", "child", "and", "a", "child"): ["two", "children"],
    ("a", "person", "and", "person"): ["two", "people"],
    ("a", "child", "and", "child"): ["two", "children"],
    ("people", "and", "people"): ["people"],
    ("children", "and", "children"): ["children"],
    ("person", "and", "person"): ["people"],
}


def _merge_pairs(tokens: list[str]) -> list[str]:
    for pair, merged in _PAIRS.items():
        size = len(pair)
        i = 0
        while i + size <= len(tokens):
            if tuple(tokens[i : i + size]) == pair:
                tokens = [*tokens[:i], *merged, *tokens[i + size :]]
            i += 1
    return tokens
