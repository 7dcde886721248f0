"""Tables of the shipped artifact on both data sets, beside the one trained on Flickr8k alone."""

import json
from pathlib import Path
from typing import Any

ARTIFACT = Path(__file__).resolve().parent / "results" / "artifact"
SCORES = ("CIDEr", "BLEU-4", "METEOR")
OBJECTS = ("recall", "recall_without_people", "hallucination")
VERSIONS = {
    "2.0.0": "2.0.0, trained on Flickr8k alone",
    "tensorflow": "**3.0.0, trained on both**, TensorFlow",
    "openvino": "**3.0.0, trained on both**, OpenVINO int8",
}


def scored(data: str, version: str) -> Any:
    """What `python -m training score` wrote of a version on a data set's test split."""
    return json.loads((ARTIFACT / f"{data}-{version}.json").read_text(encoding="utf-8"))


def scores(data: str) -> list[list[str]]:
    """A row a version: its scores with 95% intervals."""
    return [
        [title, *(_with_interval(scored(data, version)["scores"][name]) for name in SCORES)]
        for version, title in VERSIONS.items()
    ]


def objects() -> list[list[str]]:
    """A row a version: what its captions of COCO's photos name rightly and wrongly."""
    return [
        [title, *(_share(scored("coco", version)["objects"][name]) for name in OBJECTS)]
        for version, title in VERSIONS.items()
    ]


def examples() -> list[list[str]]:
    """What is there and what the model says, of photos drawn by seed."""
    found = scored("coco", "openvino")["examples"]
    return [[", ".join(each["there"]), each["caption"]] for each in found]


def _with_interval(each: dict[str, Any]) -> str:
    low, high = each["interval"]
    return f"{each['score']:.1f} ({low:.1f}–{high:.1f})"


def _share(each: dict[str, Any]) -> str:
    low, high = each["interval"]
    return f"{each['share']:.1%} ({low:.1%}–{high:.1%})"
