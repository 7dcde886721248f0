"""What is in a data set, what is wrong with it, and what training leaves out of it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from training.data.dataset import SPLITS, Dataset
from training.data.duplicates import Pair, photo_hash, similar_pairs
from training.data.images import open_photo

FEW = 20  # photos of a split
NAMED = 5  # examples of each finding in the text
QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True)
class Report:
    """The findings, of which `text` is what people read."""

    photos: dict[str, int]  # by split, then "uncaptioned"
    captions: dict[str, int]  # by split, then "without photos"
    captions_per_photo: dict[str, float]
    words_per_caption: dict[str, float]  # quantiles over the training captions
    vocabulary: int  # words that training captions hold often enough
    coverage: dict[str, float]  # share of a split's words that are in it
    broken: dict[str, str]  # why a photo cannot be decoded
    duplicates: list[Pair]
    across_splits: list[Pair]  # those of them that are in two different splits
    left_out: dict[str, str]
    empty_captions: dict[str, int]  # photos with captions that hold no word
    too_long: int  # training captions that are cut
    labels: int  # different ones

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def check(dataset: Dataset, min_count: int, max_words: int) -> Report:
    """Read every photo and every caption once.

    `min_count` and `max_words` are those of the training configuration.
    """
    broken, hashes = {}, {}
    names = [*dataset.names, *dataset.uncaptioned]
    for name in tqdm(names, "check", unit="photo", mininterval=1):
        try:
            hashes[name] = photo_hash(open_photo(dataset.files[name]))
        except ValueError as error:
            broken[name] = str(error).rpartition("cannot be decoded: ")[2]
    pairs = list(similar_pairs(hashes))
    split_of = {name: split for split in SPLITS for name in dataset.splits[split]}
    train = [each for name in dataset.splits["train"] for each in dataset.tokens(name)]
    counts = Counter(word for caption in train for word in caption)
    known = {word for word, count in counts.items() if count >= min_count}
    return Report(
        photos={s: len(dataset.splits[s]) for s in SPLITS}
        | {"uncaptioned": len(dataset.uncaptioned)},
        captions={s: sum(len(dataset.captions[n]) for n in dataset.splits[s]) for s in SPLITS}
        | {"without photos": len(dataset.texts)},
        captions_per_photo=_spread(len(dataset.tokens(n)) for n in dataset.names),
        words_per_caption=_spread(map(len, train)),
        vocabulary=len(known),
        coverage={split: _coverage(dataset, split, known) for split in SPLITS},
        broken=broken,
        duplicates=pairs,
        across_splits=[
            pair for pair in pairs if _differ(split_of.get(pair.first), split_of.get(pair.second))
        ],
        left_out=dict(dataset.left_out),
        empty_captions=_empty(dataset),
        too_long=sum(len(caption) > max_words for caption in train),
        labels=len({label for labels in dataset.labels.values() for label in labels}),
    )


def _spread(values: Iterable[int]) -> dict[str, float]:
    found = np.quantile(list(values), QUANTILES)
    return {f"{share:.0%}": float(value) for share, value in zip(QUANTILES, found, strict=True)}


def _coverage(dataset: Dataset, split: str, known: set[str]) -> float:
    words = [w for name in dataset.splits[split] for each in dataset.tokens(name) for w in each]
    return sum(word in known for word in words) / len(words)


def _differ(first: str | None, second: str | None) -> bool:
    """Whether training would see a photo that it is measured on."""
    return first != second and bool({first, second} & {"dev", "test"})


def _empty(dataset: Dataset) -> dict[str, int]:
    counts = {
        name: len(dataset.captions[name]) - len(dataset.worded(name)) for name in dataset.names
    }
    return {name: count for name, count in counts.items() if count}


def text(report: Report) -> str:
    """The findings for people, the worst last."""
    lines = [
        "photos      " + _listed(report.photos),
        "captions    " + _listed(report.captions),
        "per photo   " + _quantiles(report.captions_per_photo) + " captions",
        "per caption " + _quantiles(report.words_per_caption) + " words",
        f"vocabulary  {report.vocabulary} words; they cover "
        + ", ".join(f"{share:.1%} of {split}" for split, share in report.coverage.items()),
        f"labels      {report.labels} different ones",
    ]
    for split in ("dev", "test"):
        if report.photos[split] < FEW:
            lines.append(
                f"{report.photos[split]} {split} photos are too few: their scores are mostly "
                f"chance, and CIDEr is 0 for a single one; {FEW} or more say something"
            )
    if report.too_long:
        lines.append(f"{report.too_long} training captions are longer than max_words and are cut")
    if report.empty_captions:
        total = sum(report.empty_captions.values())
        lines.append(
            f"{total} captions without a word are left out: {_some(report.empty_captions)}"
        )
    for why, group in _grouped(report.left_out).items():
        lines.append(f"{len(group)} photos are left out, {why}: {_some(group)}")
    same = [pair for pair in report.duplicates if pair not in report.across_splits]
    if same:
        lines.append(f"{len(same)} pairs of photos look alike: {_pairs(same)}")
    if report.across_splits:
        lines.append(
            f"{len(report.across_splits)} pairs look alike across splits, so that scores would be "
            f"too good; put one of each into exclude.txt: {_pairs(report.across_splits)}"
        )
    if report.broken:
        found = [f"{name} ({why})" for name, why in report.broken.items()]
        lines.append(
            f"{len(found)} photos cannot be decoded; mend them or put them into exclude.txt: "
            + _some(found)
        )
    return "\n".join(lines)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def _quantiles(spread: Mapping[str, float]) -> str:
    least, *_, most = spread.values()
    return f"{least:.0f} to {most:.0f}, half of them up to {spread['50%']:.0f}"


def _grouped(left_out: Mapping[str, str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name, why in left_out.items():
        groups.setdefault(why, []).append(name)
    return groups


def _pairs(pairs: Iterable[Pair]) -> str:
    return _some([f"{pair.first} and {pair.second}" for pair in pairs])


def _some(names: Iterable[str]) -> str:
    found = list(names)
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return ", ".join(found[:NAMED]) + more
