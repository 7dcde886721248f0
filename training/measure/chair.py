"""Objects that captions name rightly and wrongly, on photos whose objects are known.

After CHAIR (Rohrbach et al. 2018, "Object Hallucination in Image Captioning", section 3.1).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from training.data.lexicons.objects import PERSON, objects_named
from training.data.text import tokenize
from training.measure.intervals import share

Labels = Mapping[str, AbstractSet[str]]


def chair(
    captions: Mapping[str, str],
    labels: Labels,
    references: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """Object recall and hallucination of one caption a photo, as shares with 95% intervals.

    `labels` are the COCO-80 objects in each photo. What `references`, people's captions, name is
    taken to be there as well, as in the paper; without them only the labels are. Photos without
    labels are left out. Recall is the share of photos whose caption names an object that is there,
    hallucination that of photos whose caption names one that is not (the paper's CHAIRs);
    `hallucinated_mentions` is the share of named objects (CHAIRi).

    Raises ValueError where no captioned photo has labels.
    """
    there = {name: set(labels[name]) for name in captions if labels.get(name)}
    if not there:
        raise ValueError("none of the captioned photos has object labels")
    for name, captions_of in (references or {}).items():
        if name in there:
            there[name] |= named_by_any(captions_of)
    named = {name: objects_named(tokenize(captions[name])) for name in there}
    right = {name: named[name] & there[name] for name in there}
    wrong = {name: named[name] - there[name] for name in there}
    without_people = [name for name in there if PERSON not in labels[name]]
    mentions = sum(map(len, named.values()))
    return {
        "recall": _share_of(right, there),
        "recall_without_people": _share_of(right, without_people),
        "hallucination": _share_of(wrong, there),
        "hallucination_without_people": _share_of(wrong, without_people),
        "hallucinated_mentions": share(sum(map(len, wrong.values())), mentions),
        "objects_recalled": share(sum(map(len, right.values())), sum(map(len, there.values()))),
        "most_hallucinated": _most(wrong),
        "most_missed": _most({name: there[name] - named[name] for name in there}),
    }


def named_by_any(captions: Sequence[str]) -> set[str]:
    """The labels of the objects that at least one of several raw captions names."""
    return {label for caption in captions for label in objects_named(tokenize(caption))}


def _share_of(found: Mapping[str, set[str]], names: Sequence[str] | Mapping[str, Any]) -> Any:
    """The share of the photos `names` for which anything was found."""
    return share(sum(bool(found[name]) for name in names), len(names))


def _most(found: Mapping[str, set[str]], count: int = 10) -> dict[str, int]:
    counts = Counter(label for labels in found.values() for label in labels)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:count])
