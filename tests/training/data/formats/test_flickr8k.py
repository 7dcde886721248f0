import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training.conftest import TRAIN, write_photo
from training.data.formats.flickr8k import read_flickr8k, read_photos
from training.data.formats.source import DatasetError, Text

Breaks = Callable[[str, str], Path]


def test_captions_splits_and_photos_are_read(dataset_root: Path) -> None:
    source = read_flickr8k(dataset_root)
    assert source.splits["train"] == list(TRAIN)
    assert source.captions["red.png"] == list(TRAIN["red.png"])
    assert source.files["red.png"] == dataset_root / "images" / "red.png"
    assert source.places["grey.png"] == f"{dataset_root}/Tiny.devImages.txt:1"


def test_a_caption_may_hold_commas_in_quotes_or_not(dataset_root: Path) -> None:
    with (dataset_root / "captions.txt").open("a") as file:
        file.write('red.png,"A sign, ""Stop"" ."\nred.png,"Stop" is on a "sign"\n')
    captions = read_flickr8k(dataset_root).captions
    assert captions["green.png"][1] == "Grass, on a field ."
    assert captions["red.png"][3:] == ['A sign, "Stop" .', '"Stop" is on a "sign"']


def test_short_names_of_the_split_files_are_read_too(dataset_root: Path) -> None:
    for path in dataset_root.glob("Tiny.*"):
        path.rename(dataset_root / f"{path.name.removeprefix('Tiny.').split('Images')[0]}.txt")
    assert read_flickr8k(dataset_root).splits["train"] == list(TRAIN)


def test_labels_and_captions_without_photos_are_read(dataset_root: Path) -> None:
    write_photo(dataset_root / "images" / "plain.png")
    (dataset_root / "labels.tsv").write_text("plain.png\tcat, sofa\nred.png\t\n")
    with gzip.open(dataset_root / "captions_without_photos.tsv.gz", "wt") as file:
        file.write("17\telephant,person\tAn elephant in a zoo.\n\n17\t\tA zoo.\n")
    source = read_flickr8k(dataset_root)
    assert source.labels == {"plain.png": ("cat", "sofa"), "red.png": ()}
    assert source.texts == [
        Text("17", ("elephant", "person"), "An elephant in a zoo."),
        Text("17", (), "A zoo."),
    ]
    assert "plain.png" in source.files


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("captions.txt", "red.png,A dog\n", r"captions\.txt:1: the first line must be 'image,cap"),
        ("captions.txt", "image,caption\n\nred.png A dog\n", r"captions\.txt:3: no comma after"),
        ("captions.txt", "", r"captions\.txt is empty"),
        ("Tiny.devImages.txt", "\n", r"devImages\.txt is empty"),
        ("dev.txt", "grey.png\n", "one list of the dev photos, not Tiny.devImages.txt, dev.txt"),
        ("labels.tsv", "red.png\tdog\nblue.png sky\n", r"labels\.tsv:2: no tab"),
        ("captions_without_photos.tsv", "1\tdog\n", r"without_photos\.tsv:1: three fields"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    breaks: Breaks, name: str, content: str, message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        read_flickr8k(breaks(name, content))


def test_a_file_that_is_not_utf_8_is_named(dataset_root: Path) -> None:
    (dataset_root / "captions.txt").write_bytes(b"image,caption\nred.png,Caf\xe9\n")
    with pytest.raises(DatasetError, match=r"captions\.txt is not UTF-8: .* at byte 25"):
        read_flickr8k(dataset_root)


def test_a_missing_file_or_folder_is_named(dataset_root: Path, tmp_path: Path) -> None:
    (dataset_root / "captions.txt").unlink()
    with pytest.raises(DatasetError, match=r"captions\.txt is missing"):
        read_flickr8k(dataset_root)
    with pytest.raises(DatasetError, match="images is not a folder; put the photos there"):
        read_photos(tmp_path)
