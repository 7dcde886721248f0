"""A CSV file with the columns `image` and `caption`, one line a caption.

Optional columns: `split` (train, dev or val, test) and `labels` (with commas or semicolons
between). Photos are named by their path below `images/` or below the CSV's folder.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

from training.data.formats.flickr8k import split_labels
from training.data.formats.source import DatasetError, Source, composed, photos_below

COLUMNS = {
    "image": ("image", "file_name", "filename", "image_name", "image_path"),
    "caption": ("caption", "text", "caption_text", "comment"),
    "split": ("split",),
    "labels": ("labels",),
}
SPLIT_NAMES = {"train": "train", "val": "dev", "validation": "dev", "dev": "dev", "test": "test"}


def read_table(path: Path) -> Source:
    """Of a folder with one CSV file, or of the file. Raises DatasetError."""
    file = _file(path)
    there = photos_below(file.parent) | photos_below(file.parent / "images")
    source = Source()
    with file.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.reader(map(composed, opened), strict=True)
        try:
            _read(((row, reader.line_num) for row in reader), file, source)
        except csv.Error as error:
            raise DatasetError(f"{file}:{reader.line_num}: not CSV: {error}") from error
        except UnicodeDecodeError as error:
            raise DatasetError(f"{file} is not UTF-8") from error
    source.files = {name: there[name] for name in source.places if name in there}
    return source


def _file(path: Path) -> Path:
    if path.is_file():
        return path
    found = sorted(path.glob("*.csv"))
    if len(found) != 1:
        raise DatasetError(f"{path} must hold one CSV file, not {len(found)}; name it")
    return found[0]


def _read(rows: Iterator[tuple[list[str], int]], path: Path, source: Source) -> None:
    header = [name.strip().lower() for name in next(rows, ([], 0))[0]]
    places = {what: _column(header, names) for what, names in COLUMNS.items()}
    if places["image"] is None or places["caption"] is None:
        raise DatasetError(f"{path}:1: the columns 'image' and 'caption' are needed, not {header}")
    split_of: dict[str, str | None] = {}
    for row, line in rows:
        where = f"{path}:{line}"
        if not any(field.strip() for field in row):
            continue
        fields = _fitted(row, len(header), places["caption"], where)
        name = _field(fields, places["image"]).removeprefix("images/")
        split = _split(_field(fields, places["split"]), where)
        if split_of.setdefault(name, split) != split:
            raise DatasetError(f"{where}: {name} is in {split_of[name]} and again in {split}")
        caption = _field(fields, places["caption"])
        source.add(name, [caption] if caption else [], where, split)
        if labels := split_labels(_field(fields, places["labels"]).replace(";", ",")):
            source.labels[name] = labels
    if not source.places:
        raise DatasetError(f"{path} has no line below its header")


def _column(header: list[str], names: tuple[str, ...]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _field(fields: list[str], place: int | None) -> str:
    return "" if place is None else fields[place].strip()


def _fitted(row: list[str], columns: int, caption: int | None, where: str) -> list[str]:
    """The row's fields; what is too many belongs to a caption in the last column."""
    if len(row) > columns and caption == columns - 1:
        return [*row[:caption], ",".join(row[caption:])]
    if len(row) != columns:
        raise DatasetError(
            f"{where}: {len(row)} fields where the header has {columns}; put quotes around a "
            "caption with commas"
        )
    return row


def _split(name: str, where: str) -> str | None:
    if name and name.lower() not in SPLIT_NAMES:
        raise DatasetError(f"{where}: split {name!r} is none of {', '.join(SPLIT_NAMES)}")
    return SPLIT_NAMES[name.lower()] if name else None
