"""A tiny captioned photo collection, and feature maps that no ResNet had to compute."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from training.data.dataset import Dataset
from training.data.load import load_dataset

if TYPE_CHECKING:
    from training.data.features import FeatureCache

TRAIN = {
    "red.png": ("A red dog runs .", "The dog runs fast .", "A dog"),
    "green.png": ("A green field .", "Grass, on a field .", "A field of green grass"),
    "blue.png": ("The sky on the left .", "A blue sky .", "A sky"),
    "white.png": ("A dog in the snow .", "The snow .", "A dog runs in the snow ."),
}
DEV = {"grey.png": ("A dog on a field .", "A grey dog .", "The dog runs .")}
TEST = {"black.png": ("A sky at night .", "The night sky .", "A dark sky .")}
CAPTIONS = TRAIN | DEV | TEST


def write_photo(path: Path, shade: int = 80) -> None:
    """48 by 32 pixels, brighter on the left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[:, :24] = shade
    Image.fromarray(pixels).save(path)


def write_dataset(root: Path) -> Path:
    """The collection in the layout of Flickr8k."""
    lines = ["image,caption"]
    for shade, (name, captions) in enumerate(CAPTIONS.items()):
        write_photo(root / "images" / name, 40 * (shade + 1))
        lines += [f"{name},{caption}" for caption in captions]
    (root / "captions.txt").write_text("\n".join(lines) + "\n")
    for split, names in (("train", TRAIN), ("dev", DEV), ("test", TEST)):
        (root / f"Tiny.{split}Images.txt").write_text("".join(f"{name}\n" for name in names))
    return root


@pytest.fixture
def dataset_root(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "tiny")


@pytest.fixture
def dataset(dataset_root: Path) -> Dataset:
    return load_dataset(dataset_root)


@pytest.fixture
def features(dataset: Dataset) -> "FeatureCache":
    return random_features(dataset)


def random_features(dataset: Dataset) -> "FeatureCache":
    """Random maps; a mirrored photo's are its plain ones plus 100, to be told apart."""
    from tests.training.shapes import CELLS, FEATURES
    from training.data.features import FeatureCache

    maps = np.random.default_rng(0).random((len(dataset.names), 2, CELLS, FEATURES))
    maps[:, 1] += 100
    rows = {name: row for row, name in enumerate(dataset.names)}
    return FeatureCache(maps.astype(np.float16), rows, "imagenet")


@pytest.fixture
def breaks(dataset_root: Path) -> Callable[[str, str], Path]:
    """Write other content into a file of the collection."""

    def rewrite(name: str, content: str) -> Path:
        (dataset_root / name).write_text(content)
        return dataset_root

    return rewrite
