"""What every format is read into, and how its files are read line by line."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

PHOTOS = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff", ".heic"}


class DatasetError(Exception):
    """The data set cannot be used; the message says what to mend, and where."""


class Text(NamedTuple):
    """A caption of a photo that is not here, and the labels of what is in the photo."""

    photo: str  # captions of the same photo have the same
    labels: tuple[str, ...]
    caption: str


@dataclass
class Source:
    """One collection as it is written down, before anything is checked or left out."""

    files: dict[str, Path] = field(default_factory=dict)  # every photo that is there, by name
    captions: dict[str, list[str]] = field(default_factory=dict)
    splits: dict[str, list[str]] = field(default_factory=dict)  # those that are given
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    texts: list[Text] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)  # file and line that name a photo first

    def add(self, name: str, captions: Iterable[str], where: str, split: str | None = None) -> None:
        """More captions of a photo, read at `where`."""
        self.captions.setdefault(name, []).extend(captions)
        if split is not None and self.places.get(name) is None:
            self.splits.setdefault(split, []).append(name)
        self.places.setdefault(name, where)


def lines_of(path: Path) -> Iterator[tuple[str, str]]:
    """Each line that is not empty, with its place ("captions.txt:3").

    Raises DatasetError if the file is missing, empty or not UTF-8.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise DatasetError(f"{path} is missing") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from error
    found = [(f"{path}:{n}", line) for n, line in enumerate(lines, 1) if line.strip()]
    if not found:
        raise DatasetError(f"{path} is empty")
    yield from found


def photos_below(folder: Path) -> dict[str, Path]:
    """Every photo file in a folder and its subfolders, by its path below the folder."""
    if not folder.is_dir():
        return {}
    files = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in PHOTOS)
    return {path.relative_to(folder).as_posix(): path for path in files}
