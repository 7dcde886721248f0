"""Which format a folder or a file is in."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from training.data.formats.coco import read_coco
from training.data.formats.flickr8k import CAPTIONS, read_flickr8k, read_photos
from training.data.formats.imagefolder import read_imagefolder
from training.data.formats.json_file import read_json
from training.data.formats.karpathy import read_karpathy
from training.data.formats.source import DatasetError, Source
from training.data.formats.table import read_table

Format = Literal["flickr8k", "coco", "karpathy", "csv", "imagefolder", "photos"]

READERS: dict[Format, Callable[[Path], Source]] = {
    "flickr8k": read_flickr8k,
    "coco": read_coco,
    "karpathy": read_karpathy,
    "csv": read_table,
    "imagefolder": read_imagefolder,
    "photos": read_photos,
}


def read_source(path: Path, format: Format | None = None) -> Source:
    """Read a folder or a file in this format, or in the one that it looks like.

    Raises DatasetError with file and line.
    """
    if not path.exists():
        raise DatasetError(f"{path} does not exist; name a folder with photos and captions")
    return READERS[format or detect(path)](path)


def detect(path: Path) -> Format:
    """The format of what is at a path. Raises DatasetError if it is none of them."""
    found = _of_folder(path) if path.is_dir() else _of_file(path)
    if found is None:
        raise DatasetError(
            f"{path}: no captions found; give captions.txt, captions.csv, metadata.jsonl, "
            f"dataset_*.json or annotations/captions_*.json ({', '.join(get_args(Format))})"
        )
    return found


def _of_folder(root: Path) -> Format | None:
    patterns: dict[str, Format] = {
        CAPTIONS: "flickr8k",
        "metadata.jsonl": "imagefolder",
        "*/metadata.jsonl": "imagefolder",
        "dataset_*.json": "karpathy",
        "annotations/captions_*.json": "coco",
        "captions_*.json": "coco",
        "*.csv": "csv",
        "images": "photos",
    }
    return next((format for pattern, format in patterns.items() if any(root.glob(pattern))), None)


def _of_file(path: Path) -> Format | None:
    endings: dict[str, Format] = {".csv": "csv", ".jsonl": "imagefolder"}
    if path.name == CAPTIONS:
        return "flickr8k"
    if path.suffix != ".json":
        return endings.get(path.suffix)
    content = read_json(path)
    if isinstance(content, dict) and "images" in content:
        return "coco" if "annotations" in content else "karpathy"
    return None
