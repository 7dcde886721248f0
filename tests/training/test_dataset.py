from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training.conftest import CAPTIONS, DEV, TEST, TRAIN
from training.dataset import Dataset, DatasetError, load_dataset

Breaks = Callable[[str, str], Path]


def test_a_collection_in_the_layout_of_flickr8k_is_read(dataset: Dataset) -> None:
    assert dataset.splits == {"train": tuple(TRAIN), "dev": tuple(DEV), "test": tuple(TEST)}
    assert dataset.captions == CAPTIONS
    assert dataset.names == tuple(CAPTIONS)


def test_a_caption_may_hold_commas(dataset: Dataset) -> None:
    assert dataset.captions["green.png"][1] == "Grass, on a field ."


def test_references_are_the_tokenised_captions_of_a_split(dataset: Dataset) -> None:
    assert dataset.references("dev") == {
        "grey.png": ["a dog on a field", "a grey dog", "the dog runs"]
    }


def test_a_caption_without_words_is_left_out(dataset_root: Path) -> None:
    with (dataset_root / "captions.txt").open("a") as file:
        file.write("red.png, . \n")
    assert len(load_dataset(dataset_root).tokens("red.png")) == 3


def test_a_photo_in_no_split_does_not_matter(dataset_root: Path) -> None:
    with (dataset_root / "captions.txt").open("a") as file:
        file.write("elsewhere.png,A cat .\n")
    assert "elsewhere.png" not in load_dataset(dataset_root).names


def test_a_missing_folder_of_photos_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="images is not a folder; put the photos there"):
        load_dataset(tmp_path)


def test_a_missing_caption_file_is_named(dataset_root: Path) -> None:
    (dataset_root / "captions.txt").unlink()
    with pytest.raises(DatasetError, match=r"captions\.txt is missing"):
        load_dataset(dataset_root)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("captions.txt", "red.png,A dog\n", "must start with the line 'image,caption'"),
        ("captions.txt", "image,caption\nred.png A dog\n", "no comma after the image's name"),
        ("captions.txt", "image,caption\nred.png,.\n", "red.png of the train split has no caption"),
        ("Tiny.devImages.txt", "\n", "is empty"),
        ("Tiny.devImages.txt", "red.png\n", "red.png is listed in train and again in dev"),
        ("Tiny.devImages.txt", "new.png\n", "new.png of the dev split has no caption"),
        ("More.devImages.txt", "grey.png\n", r"must hold one file named \*devImages.txt, not 2"),
    ],
)
def test_a_mistake_is_told(breaks: Breaks, name: str, content: str, message: str) -> None:
    root = breaks(name, content)
    with pytest.raises(DatasetError, match=message):
        load_dataset(root)


def test_a_missing_split_is_told(dataset_root: Path) -> None:
    (dataset_root / "Tiny.testImages.txt").unlink()
    with pytest.raises(DatasetError, match=r"one file named \*testImages.txt, not 0"):
        load_dataset(dataset_root)


def test_missing_photos_are_counted_and_one_is_named(dataset_root: Path) -> None:
    (dataset_root / "images" / "red.png").unlink()
    (dataset_root / "images" / "blue.png").unlink()
    with pytest.raises(DatasetError, match=r"2 photos are not in .*, first red\.png"):
        load_dataset(dataset_root)


def test_a_photo_listed_twice_in_one_split_is_told(breaks: Breaks) -> None:
    root = breaks("Tiny.devImages.txt", "grey.png\ngrey.png\n")
    with pytest.raises(DatasetError, match=r"grey\.png is listed in dev and again in dev"):
        load_dataset(root)


def test_windows_line_ends_and_empty_lines_do_not_matter(dataset_root: Path) -> None:
    expected = load_dataset(dataset_root)
    for path in dataset_root.glob("*.txt"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n\r\n"))
    assert load_dataset(dataset_root) == expected
