"""Hugging Face's `imagefolder`: photos beside a `metadata.jsonl` that describes them.

Each line is an object with `file_name`, below the folder of the file, and `text`, `caption` or
`captions`: a string or a list of them. `labels`, a list of strings, is optional. Folders named
train, validation (or dev, val) and test hold a `metadata.jsonl` of their own, or there is one for
all and the split is the first part of `file_name`.
"""

import json
from pathlib import Path
from typing import Any

from training.data.formats.json_file import value
from training.data.formats.source import DatasetError, Source, composed, lines_of, photos_below
from training.data.formats.table import SPLIT_NAMES

METADATA = "metadata.jsonl"
CAPTIONS = ("text", "caption", "captions")


def read_imagefolder(path: Path) -> Source:
    """Of a folder, or of its `metadata.jsonl`. Raises DatasetError."""
    root = path if path.is_dir() else path.parent
    files = (
        [path] if path.is_file() else [*root.glob(METADATA), *sorted(root.glob(f"*/{METADATA}"))]
    )
    source = Source(files=photos_below(root))
    for file in files:
        for where, line in lines_of(file):
            _read(_object(line, where), file.parent.relative_to(root), where, source)
    return source


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except json.JSONDecodeError as error:
        raise DatasetError(f"{where}: not JSON: {error.msg}") from error
    if not isinstance(found, dict):
        raise DatasetError(f"{where}: an object is needed, not {line!r}")
    return found


def _read(entry: dict[str, Any], folder: Path, where: str, source: Source) -> None:
    name = composed((folder / value(entry, "file_name", str, where)).as_posix())
    source.add(name, _captions(entry, where), where, SPLIT_NAMES.get(name.split("/")[0]))
    labels = entry.get("labels", [])
    if not _strings(labels):
        raise DatasetError(f"{where}: 'labels' must be a list of strings, not {labels!r}")
    if labels:
        source.labels[name] = tuple(labels)


def _captions(entry: dict[str, Any], where: str) -> list[str]:
    """All captions of a photo; none where it has none."""
    captions: list[str] = []
    for key in CAPTIONS:
        found = entry.get(key) or []
        group = [found] if isinstance(found, str) else found
        if not _strings(group):
            raise DatasetError(f"{where}: {key!r} must be a string or a list of strings")
        captions += group
    return captions


def _strings(found: Any) -> bool:
    return isinstance(found, list) and all(isinstance(each, str) for each in found)
