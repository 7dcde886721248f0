"""The layout of Flickr8k, and of folders like it.

images/                        the photos; Kaggle's copy calls it Images/
captions.txt                   "image,caption" with a header line, several lines a photo
*trainImages.txt, train.txt    one file name a line; dev and test likewise; all optional
labels.tsv                     optional: file name, tab, labels with commas between
captions_without_photos.tsv    optional, or .tsv.gz: id, tab, labels, tab, caption

A photo may have labels and no captions, or neither. A caption may hold commas, in quotes or not.
"""

import csv
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from training.data.formats.source import DatasetError, Source, Text, lines_of, photos_below

SPLITS = ("train", "dev", "test")
CAPTIONS = "captions.txt"
TEXTS = "captions_without_photos.tsv"


def read_flickr8k(path: Path) -> Source:
    """Of a folder, or of its `captions.txt`. Raises DatasetError."""
    root = path if path.is_dir() else path.parent
    source = read_photos(root)
    (place, header), *lines = lines_of(root / CAPTIONS)
    if header.replace(" ", "") != "image,caption":
        raise DatasetError(f"{place}: the first line must be 'image,caption', not {header!r}")
    for where, line in lines:
        name, comma, caption = line.partition(",")
        if not comma:
            raise DatasetError(f"{where}: no comma after the image's name in {line!r}")
        source.add(name.strip(), [_unquoted(caption)], where)
    for split in SPLITS:
        if file := _split_file(root, split):
            listed = list(lines_of(file))
            source.splits[split] = [line.strip() for _, line in listed]
            source.places |= {line.strip(): where for where, line in listed}
    return source


def read_photos(root: Path) -> Source:
    """A folder of photos without captions, with labels or without."""
    images = root / "Images" if (root / "Images").is_dir() else root / "images"
    if not images.is_dir():
        raise DatasetError(f"{images} is not a folder; put the photos there")
    source = Source(files=photos_below(images))
    if (root / "labels.tsv").is_file():
        source.labels = dict(_labels(root / "labels.tsv"))
    for path in (root / TEXTS, root / f"{TEXTS}.gz"):
        if path.is_file():
            source.texts += _texts(path)
    return source


def _unquoted(caption: str) -> str:
    """What a field in quotes says; any other field as it is."""
    if not caption.startswith('"'):
        return caption
    try:
        fields = next(csv.reader([caption], strict=True))
    except csv.Error:
        return caption
    return fields[0] if len(fields) == 1 else caption


def _split_file(root: Path, split: str) -> Path | None:
    found = [*sorted(root.glob(f"*{split}Images.txt")), *root.glob(f"{split}.txt")]
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise DatasetError(f"{root} must hold one list of the {split} photos, not {names}")
    return found[0] if found else None


def _labels(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    for where, line in lines_of(path):
        name, tab, labels = line.partition("\t")
        if not tab:
            raise DatasetError(f"{where}: no tab after the image's name in {line!r}")
        yield name.strip(), split_labels(labels)


def split_labels(labels: str) -> tuple[str, ...]:
    """Labels with commas between."""
    return tuple(label for each in labels.split(",") if (label := each.strip()))


def _texts(path: Path) -> Iterator[Text]:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _text(line.rstrip("\r\n"), f"{path}:{number}")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not UTF-8") from error
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{path} is damaged or not gzip: {error}") from error


def _text(line: str, where: str) -> Text:
    fields = line.split("\t")
    if len(fields) != 3:
        raise DatasetError(
            f"{where}: three fields with tabs between are needed (id, labels, caption), not "
            f"{len(fields)}"
        )
    photo, labels, caption = fields
    return Text(photo, split_labels(labels), caption)
