"""Karpathy's `dataset_*.json`: images with `filename`, `split` and `sentences`.

The photos are in `images/`, in the folder that `filepath` names, or beside the JSON. `restval`
counts as train and `val` as dev.
"""

from pathlib import Path

from training.data.formats.json_file import entries, read_json, value
from training.data.formats.source import DatasetError, Photos, Source

SPLIT_NAMES = {"train": "train", "restval": "train", "val": "dev", "dev": "dev", "test": "test"}


def read_karpathy(path: Path) -> Source:
    """Of a folder with one such file, or of the file. Raises DatasetError."""
    file = _file(path)
    there = Photos(file.parent)
    source = Source()
    for where, image in entries(read_json(file), "images", file):
        name = value(image, "filename", str, where)
        split = value(image, "split", str, where)
        if split not in SPLIT_NAMES:
            raise DatasetError(f"{where}: split {split!r} is none of {', '.join(SPLIT_NAMES)}")
        if name in source.places:
            raise DatasetError(f"{where}: {name} is listed twice")
        captions = [
            value(sentence, "raw", str, place)
            for place, sentence in entries(image, "sentences", where)
        ]
        source.add(name, captions, where, SPLIT_NAMES[split])
        below = f"{image['filepath']}/{name}" if image.get("filepath") else name
        if found := there.find(below, where):
            source.files[name] = found
    return source


def _file(path: Path) -> Path:
    if path.is_file():
        return path
    found = sorted(path.glob("dataset_*.json"))
    if len(found) != 1:
        raise DatasetError(f"{path} must hold one dataset_*.json, not {len(found)}")
    return found[0]
