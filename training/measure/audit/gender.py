"""How often a caption calls a woman a man and a man a woman, and how often it leaves it open.

After Hendricks et al. 2018 ("Women also Snowboard", section 4). The truth is what people's captions
agree on, which is what they saw, not what the person would say.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Literal

from training.data.lexicons.people import agreed_gender, gender_of, names_people, people_lexicon
from training.data.lexicons.scenes import scene_words
from training.measure.audit import Captions, References
from training.measure.intervals import share

AGREEING = 3  # captions of a photo that must name the gender, while none names the other
SCENES = ("sport", "kitchen", "street", "water")
Outcome = Literal["right", "wrong", "both", "neutral", "nobody"]


def outcome(caption: Sequence[str], truth: str) -> Outcome:
    """What a caption makes of a photo whose people are of one gender."""
    said = gender_of(caption)
    if said is None:
        return "neutral" if names_people(caption) else "nobody"
    if said == "both":
        return "both"
    return "right" if said == truth else "wrong"


def gender(captions: Captions, references: References) -> dict[str, Any]:
    """Shares of outcomes for photos of women and of men, all and by age and scene.

    `ratio` compares the share of captions about women among those about one gender with the share
    of photos of women among those whose references agree.
    """
    truths = {
        name: truth for name in captions if (truth := agreed_gender(references[name])) is not None
    }
    groups = {"all": list(truths)} | {
        group: [name for name in truths if belongs(references[name])]
        for group, belongs in _GROUPS.items()
    }
    return {
        truth: {
            group: _outcomes(captions, [name for name in names if truths[name] == truth], truth)
            for group, names in groups.items()
        }
        for truth in ("female", "male")
    } | {"ratio": _ratio(captions, truths)}


def _outcomes(captions: Captions, names: Sequence[str], truth: str) -> dict[str, Any]:
    counts = Counter(outcome(captions[name], truth) for name in names)
    return {
        each: share(counts[each], len(names))
        for each in ("right", "wrong", "both", "neutral", "nobody")
    }


def _ratio(captions: Captions, truths: dict[str, Literal["male", "female"]]) -> dict[str, Any]:
    said = Counter(gender_of(captions[name]) for name in truths)
    true = Counter(truths.values())
    return {
        "women_in_captions": share(said["female"], said["female"] + said["male"]),
        "women_in_references": share(true["female"], len(truths)),
    }


def mostly(references: Sequence[Sequence[str]], words: frozenset[str], least: int = 2) -> bool:
    """Whether at least `least` captions of a photo hold one of the words."""
    return sum(not words.isdisjoint(caption) for caption in references) >= least


def is_of_children(references: Sequence[Sequence[str]]) -> bool:
    """Whether at least `AGREEING` captions of a photo say child, boy, girl or the like."""
    lexicon = people_lexicon()
    return mostly(references, lexicon.children | lexicon.gendered_children, AGREEING)


def _has_scene(scene: str) -> Callable[[Sequence[Sequence[str]]], bool]:
    return lambda references: mostly(references, scene_words()[scene])


_GROUPS: dict[str, Callable[[Sequence[Sequence[str]]], bool]] = {
    "adults": lambda references: not is_of_children(references),
    "children": is_of_children,
    **{scene: _has_scene(scene) for scene in SCENES},
}
