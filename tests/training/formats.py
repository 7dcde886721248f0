"""Six generated photos written in each format that can be read."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.training.conftest import write_photo

SPLITS = {
    "train": ["p0.png", "p1.png", "p2.png", "p3.png"],
    "dev": ["p4.png"],
    "test": ["p5.png"],
}
CAPTIONS = {
    name: [f"A dog runs on field {i} .", f"The dog, number {i}, runs ."]
    for i, name in enumerate(name for names in SPLITS.values() for name in names)
}
LABELS = {"p0.png": ("dog", "field"), "p4.png": ("dog",)}


def _photos(folder: Path, names: list[str]) -> None:
    for name in names:
        write_photo(folder / name, shade=20 + 30 * int(name[1]))


def _split_of(name: str) -> str:
    return next(split for split, names in SPLITS.items() if name in names)


def write_flickr8k(root: Path) -> None:
    _photos(root / "images", list(CAPTIONS))
    rows = [f"{name},{caption}" for name, group in CAPTIONS.items() for caption in group]
    (root / "captions.txt").write_text("\n".join(["image,caption", *rows]))
    for split, names in SPLITS.items():
        (root / f"{split}.txt").write_text("\n".join(names))
    labels = (f"{name}\t{','.join(each)}\n" for name, each in LABELS.items())
    (root / "labels.tsv").write_text("".join(labels))


def write_coco(root: Path) -> None:
    ids = {name: i for i, name in enumerate(CAPTIONS)}
    kinds = {"dog": 18, "field": 40}
    for split, stem in (("train", "train2017"), ("dev", "val2017"), ("test", "test2017")):
        _photos(root / stem, SPLITS[split])
        images = [{"id": ids[name], "file_name": name} for name in SPLITS[split]]
        captions = [
            {"id": 2 * ids[name] + i, "image_id": ids[name], "caption": caption}
            for name in SPLITS[split]
            for i, caption in enumerate(CAPTIONS[name])
        ]
        objects = [
            {"image_id": ids[name], "category_id": kinds[label]}
            for name in SPLITS[split]
            for label in LABELS.get(name, ())
        ]
        categories = [{"id": number, "name": name} for name, number in kinds.items()]
        _json(root, f"captions_{stem}", {"images": images, "annotations": captions})
        found = {"images": images, "annotations": objects, "categories": categories}
        _json(root, f"instances_{stem}", found)


def _json(root: Path, stem: str, content: Any) -> None:
    (root / "annotations").mkdir(exist_ok=True)
    (root / "annotations" / f"{stem}.json").write_text(json.dumps(content))


def write_karpathy(root: Path) -> None:
    _photos(root / "images", list(CAPTIONS))
    names = {"train": "restval", "dev": "val", "test": "test"}
    images = [
        {
            "filename": name,
            "split": names[_split_of(name)],
            "sentences": [{"raw": caption} for caption in group],
        }
        for name, group in CAPTIONS.items()
    ]
    (root / "dataset_tiny.json").write_text(json.dumps({"images": images}))


def write_csv(root: Path) -> None:
    _photos(root / "images", list(CAPTIONS))
    with (root / "captions.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "split", "labels", "caption"])
        for name, group in CAPTIONS.items():
            for caption in group:
                labels = ";".join(LABELS.get(name, ()))
                writer.writerow([f"images/{name}", _split_of(name), labels, caption])


def write_imagefolder(root: Path) -> None:
    for split, folder in (("train", "train"), ("dev", "validation"), ("test", "test")):
        _photos(root / folder, SPLITS[split])
        entries = [
            {"file_name": name, "text": CAPTIONS[name], "labels": list(LABELS.get(name, ()))}
            for name in SPLITS[split]
        ]
        lines = "".join(json.dumps(entry) + "\n" for entry in entries)
        (root / folder / "metadata.jsonl").write_text(lines)


WRITERS: dict[str, Callable[[Path], None]] = {
    "flickr8k": write_flickr8k,
    "coco": write_coco,
    "karpathy": write_karpathy,
    "csv": write_csv,
    "imagefolder": write_imagefolder,
}
