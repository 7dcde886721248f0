"""A captioned photo collection in the layout of Flickr8k.

images/                     the photos
captions.txt                "image,caption" with a header line, several lines a photo
*trainImages.txt *devImages.txt *testImages.txt    one file name a line
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from training.text import tokenize

SPLITS = ("train", "dev", "test")


class DatasetError(Exception):
    """The data set cannot be used; the message says what to mend."""


@dataclass(frozen=True)
class Dataset:
    """File names of each split, and the raw captions of each file name."""

    images: Path
    captions: dict[str, tuple[str, ...]]
    splits: dict[str, tuple[str, ...]]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every image of a split, in the order of the splits."""
        return tuple(name for split in SPLITS for name in self.splits[split])

    def tokens(self, name: str) -> list[list[str]]:
        """The tokenised captions of an image; one without any word is left out."""
        return [tokens for caption in self.captions[name] if (tokens := tokenize(caption))]

    def references(self, split: str) -> dict[str, list[str]]:
        """The tokenised captions of each image of a split, words joined by spaces."""
        return {
            name: [" ".join(tokens) for tokens in self.tokens(name)] for name in self.splits[split]
        }


def load_dataset(root: Path) -> Dataset:
    """Read and check a data set.

    Raises DatasetError where a file or a caption is missing, or an image is in two splits.
    """
    images = root / "images"
    if not images.is_dir():
        raise DatasetError(f"{images} is not a folder; put the photos there")
    splits = {split: _read_split(root, split) for split in SPLITS}
    captions = _read_captions(root / "captions.txt")
    _check(images, captions, splits)
    return Dataset(images, captions, splits)


def _read_captions(path: Path) -> dict[str, tuple[str, ...]]:
    header, *lines = _read_lines(path)
    if header.replace(" ", "") != "image,caption":
        raise DatasetError(f"{path} must start with the line 'image,caption'")
    captions: dict[str, list[str]] = {}
    for line in lines:
        name, comma, caption = line.partition(",")
        if not comma:
            raise DatasetError(f"{path}: no comma after the image's name in {line!r}")
        captions.setdefault(name, []).append(caption)
    return {name: tuple(group) for name, group in captions.items()}


def _read_split(root: Path, split: str) -> tuple[str, ...]:
    found = sorted(root.glob(f"*{split}Images.txt"))
    if len(found) != 1:
        raise DatasetError(f"{root} must hold one file named *{split}Images.txt, not {len(found)}")
    return tuple(_read_lines(found[0]))


def _read_lines(path: Path) -> list[str]:
    if not path.is_file():
        raise DatasetError(f"{path} is missing")
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if not lines:
        raise DatasetError(f"{path} is empty")
    return lines


def _check(
    images: Path, captions: dict[str, tuple[str, ...]], splits: dict[str, tuple[str, ...]]
) -> None:
    seen: dict[str, str] = {}
    for split, names in splits.items():
        for name in names:
            if name in seen:
                raise DatasetError(f"{name} is listed in {seen[name]} and again in {split}")
            seen[name] = split
            if not any(tokenize(caption) for caption in captions.get(name, ())):
                raise DatasetError(f"{name} of the {split} split has no caption in captions.txt")
    present = {path.name for path in images.iterdir()}
    if missing := [name for name in seen if name not in present]:
        raise DatasetError(f"{len(missing)} photos are not in {images}, first {missing[0]}")
