"""An audit's findings as the paragraphs and tables of the model card."""

from collections.abc import Callable, Mapping
from typing import Any

# Of which the confidence is measured beside Flickr8k's.
OTHER_PHOTOS = {"coco": "COCO's test photos", "both": "those of both data sets"}
NOT_RUN = "Not measured for this version; `python -m training audit` does."

Found = Mapping[str, Any]


def findings(audit: Found | None) -> dict[str, str]:
    """The card's placeholders and their Markdown; what has not been measured says so."""
    texts = {}
    for name, (section, write) in _FINDINGS.items():
        found = (audit or {}).get(section)
        texts[name] = NOT_RUN if found is None else write(found)
    return texts


def percent(share: Found) -> str:
    """A share with its interval: "4.9% (2.9 to 8.1)"; "none" of nothing."""
    if not share["of"]:
        return "none"
    low, high = share["interval"]
    return f"{100 * share['share']:.1f}% ({100 * low:.1f} to {100 * high:.1f})"


def number(mean: Found, digits: int = 1) -> str:
    """A mean with its interval: "61.1 (57.4 to 65.0)"; "none" of nothing."""
    if not mean["of"]:
        return "none"
    low, high = mean["interval"]
    return f"{mean['mean']:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _gender(people: Found) -> str:
    rows = [
        [
            "women" if truth == "female" else "men",
            group,
            str(outcomes["wrong"]["of"]),
            *(percent(outcomes[each]) for each in ("wrong", "both", "neutral")),
        ]
        for truth in ("female", "male")
        for group, outcomes in people["gender"][truth].items()
        if outcomes["wrong"]["of"]
    ]
    ratio = people["gender"]["ratio"]
    return "\n\n".join(
        (
            table(["photos of", "group", "photos", "other gender", "both", "neutral"], rows),
            f"Of the captions about one gender {percent(ratio['women_in_captions'])} are about "
            f"women; of the photos {percent(ratio['women_in_references'])} are.",
        )
    )


def _amplification(people: Found) -> str:
    found = people["amplification"]
    if found["mean"] is None:
        return "Too few captions name a gender beside the words that were looked for."
    rising = sorted(
        (name for name, each in found["words"].items() if each["amplification"] is not None),
        key=lambda name: -found["words"][name]["amplification"],
    )[:3]
    worst = "; ".join(
        f"{name}: {100 * found['words'][name]['training']['share']:.0f}% men in training, "
        f"{100 * found['words'][name]['captions']['share']:.0f}% in captions"
        for name in rising
    )
    return (
        f"Over {found['words_in_mean']} words of activities, clothes and places the share of the "
        f"gender that training names more often changes by {100 * found['mean']:+.1f} points on "
        f"average. Most: {worst}."
    )


def _subgroups(people: Found) -> str:
    rows = [
        [group, str(each["of"]), number(each)]
        for group, each in people["subgroups"].items()
        if each["of"]
    ]
    return table(["photos", "number", "CIDEr"], rows)


def _words(words: Found) -> str:
    copies, people = words["copying"], words["copying_by_people"]
    return (
        f"Words about ethnicity, religion, disability, body and sexuality are blocked: "
        f"{percent(words['blocked']['captions'])} of {words['blocked']['captions']['of']} captions "
        f"hold one, {percent(words['blocked_in_training']['captions'])} of the training captions "
        f"do. "
        f"{percent(copies['verbatim'])} of the test captions stand word for word in the training "
        f"captions and {percent(copies['with_six_words'])} share six words in a row with one "
        f"(captions by people: {percent(people['verbatim'])} and "
        f"{percent(people['with_six_words'])})."
    )


def _objects(objects: Found) -> str:
    strict, paper = objects["labels"], objects["labels_and_captions"]
    rows = [
        ["names an object that is there", percent(strict["recall"]), percent(paper["recall"])],
        [
            "the same, photos without people",
            percent(strict["recall_without_people"]),
            percent(paper["recall_without_people"]),
        ],
        [
            "names an object that is not there",
            percent(strict["hallucination"]),
            percent(paper["hallucination"]),
        ],
    ]
    wrong = ", ".join(f"{label} ({count})" for label, count in strict["most_hallucinated"].items())
    header = [
        f"{strict['recall']['of']} COCO photos, our split",
        "by labels",
        "by labels and captions",
    ]
    return f"{table(header, rows)}\n\nNamed wrongly most often: {wrong}."


def _confidence(found: Found) -> str:
    auroc = found["auroc"]
    rows = [
        [
            "AUROC",
            f"{auroc['score']:.3f} ({auroc['interval'][0]:.3f} to {auroc['interval'][1]:.3f})",
        ],
        ["expected calibration error", error_and_chance(found)],
        *(
            [f"the same, {photos}", error_and_chance(found[name])]
            for name, photos in OTHER_PHOTOS.items()
            if name in found
        ),
        ["good captions among those called uncertain", percent(found["good_if_uncertain"])],
        ["good captions among the others", percent(found["good_if_certain"])],
        *(
            [f"pictures called uncertain: {kind}", percent(each["uncertain"])]
            for kind, each in found["odd_pictures"].items()
        ),
    ]
    return table([f"confidence, threshold {found['threshold']:g}", "measured"], rows)


def error_and_chance(found: Found) -> str:
    """With what chance alone would give: ".047 (.036 by chance)"."""
    error, chance = found["calibration_error"], found.get("calibration_error_by_chance")
    return f"{error:.3f}" + (f" ({chance:.3f} by chance)" if chance is not None else "")


def _masks(found: Found) -> str:
    rows = [
        [
            {"flickr8k": "Flickr8k", "coco": "COCO"}[name],
            number({**each, "mean": each["cost"]}, 2),
            f"{each['changed']} of {each['of']}",
        ]
        for name, each in found.items()
    ]
    return table(["test photos", "CIDEr that the thresholds cost", "captions they change"], rows)


def _neutral(found: Found) -> str:
    rows = [
        [
            name,
            f"{each['score']:.1f} ({each['interval'][0]:.1f} to {each['interval'][1]:.1f})",
            f"{difference['difference']:+.1f} ({difference['interval'][0]:+.1f} to "
            f"{difference['interval'][1]:+.1f})",
        ]
        for name, each in found["scores"].items()
        if (difference := found["difference"].get(name))
    ]
    return (
        f"{table(['metric', 'people=neutral', 'less people=seen'], rows)}\n\n"
        f"{percent(found['gendered'])} of these captions hold a gendered word."
    )


def _robustness(found: Found) -> str:
    rows = [
        [
            how,
            percent(each["same"]),
            f"{each['similarity']['mean']:.2f}",
            number(each["cider"]),
            f"{each['confidence']['mean']:.2f}" if each["confidence"]["of"] else "",
        ]
        for how, each in found.items()
    ]
    return table(["photo", "same caption", "similarity", "CIDEr", "confidence"], rows)


def _attention(found: Found) -> str:
    return (
        f"Over {found['attention']['of']} photos the attention maps of content words correlate "
        f"with what covering a part of the photo does to the word (rank correlation) by "
        f"{number(found['attention'], 2)}; nearness to the middle by {number(found['centre'], 2)}, "
        f"another photo's attention by {number(found['other'], 2)}."
    )


_FINDINGS: dict[str, tuple[str, Callable[[Found], str]]] = {
    "gender": ("people", _gender),
    "amplification": ("people", _amplification),
    "subgroups": ("people", _subgroups),
    "emitted": ("words", _words),
    "objects": ("objects", _objects),
    "confidence": ("confidence", _confidence),
    "neutral": ("neutral", _neutral),
    "masks": ("masks", _masks),
    "robustness": ("robustness", _robustness),
    "attention": ("attention", _attention),
}
