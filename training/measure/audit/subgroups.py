"""CIDEr by who is in the photo, where it was taken, and how bright it is."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from training.data.lexicons.people import agreed_gender, names_people, people_lexicon
from training.data.lexicons.scenes import scene_words
from training.measure.audit import References
from training.measure.audit.gender import AGREEING, is_of_children, mostly
from training.measure.intervals import mean

QUARTER = 0.25  # of the photos that are called dark, and of those called light


def subgroups(references: References, brightness: Mapping[str, float]) -> dict[str, list[str]]:
    """The photos of each group; groups may overlap, and some photos are in none.

    Who and where goes by the references: `women` and `men` are adults whose gender they agree on.
    `brightness` is the mean of a photo's pixels; `dark` and `light` are the outer quarters of it.
    """
    several = people_lexicon().several
    scenes = scene_words()
    genders = {name: agreed_gender(each) for name, each in references.items()}
    children = {name for name, each in references.items() if is_of_children(each)}
    indoor = {name for name, each in references.items() if mostly(each, scenes["indoor"])}
    outdoor = {name for name, each in references.items() if mostly(each, scenes["outdoor"])}
    low, high = np.quantile(list(brightness.values()), [QUARTER, 1 - QUARTER])
    chosen: dict[str, Callable[[str], bool]] = {
        "women": lambda name: genders[name] == "female" and name not in children,
        "men": lambda name: genders[name] == "male" and name not in children,
        "children": lambda name: name in children,
        "several people": lambda name: mostly(references[name], several, AGREEING),
        "no people": lambda name: not any(map(names_people, references[name])),
        "indoors": lambda name: name in indoor - outdoor,
        "outdoors": lambda name: name in outdoor - indoor,
        "dark": lambda name: brightness[name] <= low,
        "light": lambda name: brightness[name] >= high,
    }
    return {
        group: [name for name in references if belongs(name)] for group, belongs in chosen.items()
    }


def scores_by_group(
    scores: Mapping[str, float], groups: Mapping[str, list[str]]
) -> dict[str, dict[str, Any]]:
    """Means of photos' scores with bootstrap intervals, over all photos and each group."""
    everyone = {"all": list(scores)} | dict(groups)
    return {
        group: mean(np.array([scores[name] for name in names], np.float64))
        for group, names in everyone.items()
    }
