"""Tables of what the model gets wrong, version beside version, and of the data behind it."""

from collections.abc import Callable
from typing import Any

from docs import files
from training.release.findings import error_and_chance, table

EARLIER = files.RESULTS / "audits"  # one file a version that shipped before
CURRENT = files.ROOT / "model_artifacts" / "audit.json"
DATA = files.RESULTS / "data.json"

PEOPLE = {
    "male": "only men",
    "female": "only women",
    "both": "both",
    "neutral": "people without a gender",
    "nobody": "nobody",
}


def audits() -> list[dict[str, Any]]:
    """The audits that are there, the oldest version first; the model's own counts last."""
    found = {}
    for path in (*sorted(EARLIER.glob("*.json")), CURRENT):
        if path.is_file():
            audit = files.read(path)
            found[audit["model"]["version"]] = audit
    return list(found.values())


def audit() -> str:
    """Every check, version beside version: the two oldest, the one before, and the model's own."""
    every = audits()
    if not every:
        return "No audit has been run yet: `python -m training audit`."
    versions = [*every[:2], *every[2:][-2:]]
    rows = [
        [name, *(_cell(each, section, read) for each in versions)]
        for name, section, read in _CHECKS
    ]
    header = ["check", *(each["model"]["version"] for each in versions)]
    return table(header, [row for row in rows if any(cell != "" for cell in row[1:])])


def data() -> str:
    """Counts of the data sets."""
    if not DATA.is_file():
        return "Not counted yet: `python -m training datasheet`."
    sets = files.read(DATA)
    rows = [[what, *(_text(read(each)) for each in sets.values())] for what, read in _COUNTS]
    return table(["", *sets], rows)


def _cell(audit: dict[str, Any], section: str, read: Callable[[Any], str]) -> str:
    return read(audit[section]) if audit.get(section) is not None else ""


def _percent(share: Any) -> str:
    if not share["of"]:
        return ""
    low, high = share["interval"]
    return f"{100 * share['share']:.1f}% ({100 * low:.1f}–{100 * high:.1f})"


def _number(mean: Any, digits: int = 1) -> str:
    if not mean["of"]:
        return ""
    low, high = mean["interval"]
    return f"{mean['mean']:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def _text(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _outcome(truth: str, outcome: str) -> Callable[[Any], str]:
    return lambda people: _percent(people["gender"][truth]["all"][outcome])


def _group(name: str) -> Callable[[Any], str]:
    return lambda people: _number(people["subgroups"][name])


def _object(measure: str) -> Callable[[Any], str]:
    return lambda objects: _percent(objects["labels"][measure])


def _odd(kind: str) -> Callable[[Any], str]:
    def read(confidence: Any) -> str:
        found = confidence["odd_pictures"].get(kind)
        return _percent(found["uncertain"]) if found else ""

    return read


def _disturbed(how: str) -> Callable[[Any], str]:
    return lambda found: f"{_percent(found[how]['same'])}, CIDEr {found[how]['cider']['mean']:.1f}"


def _auroc(confidence: Any) -> str:
    low, high = confidence["auroc"]["interval"]
    return f"{confidence['auroc']['score']:.3f} ({low:.3f}–{high:.3f})"


def _amplified(people: Any) -> str:
    rise = people["amplification"]["mean"]
    return "" if rise is None else f"{100 * rise:+.1f} points"


def _cost(neutral: Any) -> str:
    found = neutral["difference"]["CIDEr"]
    low, high = found["interval"]
    return f"{found['difference']:+.1f} ({low:+.1f}–{high:+.1f})"


def _of_both(confidence: Any) -> str:
    return error_and_chance(confidence["both"]) if "both" in confidence else ""


def _masks(photos: str) -> Callable[[Any], str]:
    def read(masks: Any) -> str:
        found = masks.get(photos)
        return _number({**found, "mean": found["cost"]}, 2) if found else ""

    return read


GROUPS = (
    "women",
    "men",
    "children",
    "several people",
    "no people",
    "indoors",
    "outdoors",
    "dark",
    "light",
)
DISTURBED = (
    "mirrored",
    "cropped",
    "grey",
    "blurred",
    "noisy",
    "dark",
    "rotated by 15 degrees",
    "rotated by 90 degrees",
    "compressed",
    "in a screenshot",
)

_CHECKS: list[tuple[str, str, Callable[[Any], str]]] = [
    ("women called men or boys", "people", _outcome("female", "wrong")),
    ("men called women or girls", "people", _outcome("male", "wrong")),
    ("women: neutral caption", "people", _outcome("female", "neutral")),
    ("men: neutral caption", "people", _outcome("male", "neutral")),
    ("amplification of gender by words", "people", _amplified),
    *((f"CIDEr, {name}", "people", _group(name)) for name in GROUPS),
    ("captions with a blocked word", "words", lambda found: _percent(found["blocked"]["captions"])),
    (
        "captions copied from training",
        "words",
        lambda found: _percent(found["copying"]["verbatim"]),
    ),
    (
        "captions with six words of training in a row",
        "words",
        lambda found: _percent(found["copying"]["with_six_words"]),
    ),
    ("names an object that is there", "objects", _object("recall")),
    ("the same, photos without people", "objects", _object("recall_without_people")),
    ("names an object that is not there", "objects", _object("hallucination")),
    ("AUROC of the confidence", "confidence", _auroc),
    ("expected calibration error", "confidence", error_and_chance),
    ("the same, test photos of both data sets", "confidence", _of_both),
    *(
        (f"uncertain: {kind}", "confidence", _odd(kind))
        for kind in ("noise", "blank", "text", "screenshot", "drawing")
    ),
    ("CIDEr of people=neutral less seen", "neutral", _cost),
    ("CIDEr that the gender thresholds cost, Flickr8k", "masks", _masks("flickr8k")),
    ("the same, COCO", "masks", _masks("coco")),
    *((f"same caption, {how}", "robustness", _disturbed(how)) for how in DISTURBED),
    ("attention against occlusion", "attention", lambda found: _number(found["attention"], 2)),
    ("nearness to the middle against it", "attention", lambda found: _number(found["centre"], 2)),
]

_COUNTS: list[tuple[str, Callable[[Any], Any]]] = [
    *(
        (f"photos, {split}", lambda found, split=split: found["photos"][split])
        for split in ("train", "dev", "test", "without captions")
    ),
    ("photos with labels", lambda found: found["labelled photos"]),
    ("captions of training photos", lambda found: found["captions"]["train"]),
    ("captions without photos", lambda found: found["captions without photos"]["captions"]),
    *(
        (
            f"captions that mention {what}",
            lambda found, each=each: sum(
                (found[where] or {}).get(each, 0)
                for where in ("people in training captions", "people in captions without photos")
            ),
        )
        for each, what in PEOPLE.items()
    ),
    *(
        (
            f"captions with blocked words: {category}",
            lambda found, category=category: found["blocked words"][category],
        )
        for category in ("ethnicity", "religion", "disability", "body", "sexuality", "standing")
    ),
]
