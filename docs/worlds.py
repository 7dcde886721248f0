"""Tables of the shipped artifact on both data sets, beside the one trained on Flickr8k alone."""

from collections.abc import Iterable, Iterator
from typing import Any

from docs.files import RESULTS, read, with_interval

ARTIFACT = RESULTS / "artifact"
SCORES = ("CIDEr", "BLEU-4", "METEOR")
OBJECTS = ("recall", "recall_without_people", "hallucination")
# Files of both data sets, and what the tables say of the version in each.
VERSIONS = {
    "2.0.0": "{}, trained on Flickr8k alone",
    **dict.fromkeys(("3.0.0", "3.1.0", "3.2.0", "3.3.0", "3.4.0"), "{}, trained on both"),
    "tensorflow": "**{}, trained on both**, TensorFlow",
    "openvino": "**{}, trained on both**, OpenVINO int8",
}
THEN_AND_NOW = ("2.0.0", "tensorflow", "openvino")


def scored(data: str, version: str) -> Any:
    """What `python -m training score` wrote of a version on a data set's test split."""
    return read(ARTIFACT / f"{data}-{version}.json")


def scores(data: str) -> list[list[str]]:
    """A row a version: its scores with 95% intervals."""
    return [
        [title, *(with_interval(found["scores"][name]) for name in SCORES)]
        for title, found in _versions(data)
    ]


def objects(versions: Iterable[str]) -> list[list[str]]:
    """A row a version: what its captions of COCO's photos name rightly and wrongly."""
    return [
        [title, *(_share(found["objects"][name]) for name in OBJECTS)]
        for title, found in _versions("coco", versions)
    ]


def examples() -> list[list[str]]:
    """What is there and what the model says, of photos drawn by seed."""
    found = scored("coco", "openvino")["examples"]
    return [[", ".join(each["there"]), each["caption"]] for each in found]


def _versions(data: str, versions: Iterable[str] = VERSIONS) -> Iterator[tuple[str, Any]]:
    for version in versions:
        found = scored(data, version)
        yield VERSIONS[version].format(found["version"]), found


def _share(each: dict[str, Any]) -> str:
    low, high = each["interval"]
    return f"{each['share']:.1%} ({low:.1%}–{high:.1%})"
