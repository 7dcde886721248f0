"""COCO's captions JSON: `images` with `id` and `file_name`, `annotations` with captions.

annotations/captions_train2017.json, captions_val2017.json   split by "train", "val", "test" in
                                                             the name, where there is one
annotations/instances_*.json                                 optional: objects become labels
train2017/, val2017/, images/, or beside the JSON            the photos

A single file works too; then dev and test are drawn.
"""

from pathlib import Path

from training.data.formats.json_file import entries, read_json, value
from training.data.formats.source import DatasetError, Photos, Source

SPLIT_NAMES = {"train": "train", "val": "dev", "dev": "dev", "test": "test"}


def read_coco(path: Path) -> Source:
    """Of a folder, or of one captions file. Raises DatasetError."""
    root = path if path.is_dir() else _root(path)
    files = [path] if path.is_file() else _below(path, "captions")
    source = Source()
    there = Photos(root)
    for file in files:
        split = _split_of(file) if len(files) > 1 else None
        _read_captions(file, there, split, source)
    for file in _below(root, "instances"):
        _read_labels(file, source)
    return source


def _root(path: Path) -> Path:
    return path.parent.parent if path.parent.name == "annotations" else path.parent


def _below(root: Path, kind: str) -> list[Path]:
    return sorted(root.glob(f"annotations/{kind}_*.json")) or sorted(root.glob(f"{kind}_*.json"))


def _split_of(path: Path) -> str:
    for name, split in SPLIT_NAMES.items():
        if name in path.stem:
            return split
    raise DatasetError(f"{path}: of several captions files each names its split: train, val, test")


def _read_captions(path: Path, there: Photos, split: str | None, source: Source) -> None:
    content = read_json(path)
    names: dict[int | str, str] = {}
    for where, image in entries(content, "images", path):
        name = value(image, "file_name", str, where)
        names[value(image, "id", (int, str), where)] = name
        if name in source.places:
            raise DatasetError(f"{where}: {name} is listed twice")
        source.add(name, (), where, split)
        if file := there.find(name, where):
            source.files[name] = file
    for where, annotation in entries(content, "annotations", path):
        image_id = value(annotation, "image_id", (int, str), where)
        if image_id not in names:
            raise DatasetError(f"{where}: image_id {image_id!r} is not among the images")
        source.add(names[image_id], [value(annotation, "caption", str, where)], where)


def _read_labels(path: Path, source: Source) -> None:
    content = read_json(path)
    kinds = {
        value(each, "id", int, where): value(each, "name", str, where)
        for where, each in entries(content, "categories", path)
    }
    names = {
        value(each, "id", (int, str), where): value(each, "file_name", str, where)
        for where, each in entries(content, "images", path)
    }
    found: dict[str, set[str]] = {}
    for where, each in entries(content, "annotations", path):
        image, kind = value(each, "image_id", (int, str), where), each.get("category_id")
        if image not in names or kind not in kinds:
            raise DatasetError(f"{where}: image_id or category_id is not in the file")
        found.setdefault(names[image], set()).add(kinds[kind])
    source.labels |= {name: tuple(sorted(labels)) for name, labels in found.items()}
