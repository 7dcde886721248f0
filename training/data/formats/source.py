"""What every format is read into, and how its files are read line by line."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from unicodedata import normalize

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


def composed(text: str) -> str:
    """Text in which "ü" is one character, whatever wrote it: some systems' file names have two."""
    return normalize("NFC", text)


def lines_of(path: Path) -> Iterator[tuple[str, str]]:
    """Each line that is not empty, with its place ("captions.txt:3").

    Raises DatasetError if the file is missing, empty or not UTF-8.
    """
    try:
        # Not by splitlines, which also splits where a caption may hold U+2028 or the like.
        lines = composed(path.read_text(encoding="utf-8-sig")).split("\n")
    except FileNotFoundError as error:
        raise DatasetError(f"{path} is missing") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from error
    found = [(f"{path}:{n}", line) for n, line in enumerate(lines, 1) if line.strip()]
    if not found:
        raise DatasetError(f"{path} is empty")
    yield from found


def photos_below(folder: Path) -> dict[str, Path]:
    """Every photo file in a folder and its subfolders, by its path below the folder, composed."""
    if not folder.is_dir():
        return {}
    files = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in PHOTOS)
    return {composed(path.relative_to(folder).as_posix()): path for path in files}


class Photos:
    """The photos in a folder and its subfolders, for lists that give paths or file names alone."""

    def __init__(self, folder: Path) -> None:
        self._files = photos_below(folder)
        self._paths: dict[str, list[str]] = {}  # by file name
        for path in self._files:
            self._paths.setdefault(PurePosixPath(path).name, []).append(path)

    def find(self, path: str, where: str) -> Path | None:
        """The photo at a path, below `images/`, or else the only one with that file name.

        Raises DatasetError, which says `where` it is listed, if there are several.
        """
        for exact in (path, f"images/{path}"):
            if exact in self._files:
                return self._files[exact]
        found = self._paths.get(PurePosixPath(path).name, [])
        if len(found) > 1:
            raise DatasetError(
                f"{where}: {path} may be {found[0]} or {found[1]}; list it with its folder, or "
                "take one of them away"
            )
        return self._files[found[0]] if found else None
