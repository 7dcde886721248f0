"""Sources checked, split and joined."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training.conftest import CAPTIONS, DEV, TEST, TRAIN, write_photo
from training.data.dataset import Dataset
from training.data.formats.source import DatasetError
from training.data.load import load_dataset

Breaks = Callable[[str, str], Path]


def test_a_collection_in_the_layout_of_flickr8k_is_read(dataset: Dataset) -> None:
    assert dataset.splits == {"train": tuple(TRAIN), "dev": tuple(DEV), "test": tuple(TEST)}
    assert dataset.captions == CAPTIONS
    assert dataset.names == tuple(CAPTIONS)


def test_references_are_the_tokenised_captions_of_a_split(dataset: Dataset) -> None:
    assert dataset.references("dev") == {
        "grey.png": ["a dog on a field", "a grey dog", "the dog runs"]
    }


def test_a_caption_without_words_is_left_out(dataset_root: Path) -> None:
    with (dataset_root / "captions.txt").open("a") as file:
        file.write("red.png, . \n")
    assert len(load_dataset(dataset_root).tokens("red.png")) == 3


def test_a_captioned_photo_in_no_split_is_left_out(dataset_root: Path) -> None:
    write_photo(dataset_root / "images" / "elsewhere.png")
    with (dataset_root / "captions.txt").open("a") as file:
        file.write("elsewhere.png,A cat .\n")
    dataset = load_dataset(dataset_root)
    assert "elsewhere.png" not in {*dataset.names, *dataset.uncaptioned}
    assert dataset.left_out == {"elsewhere.png": "in none of the splits"}


def test_a_photo_in_two_splits_is_rejected_with_its_line(breaks: Breaks) -> None:
    root = breaks("Tiny.devImages.txt", "grey.png\nred.png\n")
    with pytest.raises(DatasetError, match=r"devImages\.txt:2: red\.png is listed in train and"):
        load_dataset(root)


def test_a_photo_listed_twice_in_one_split_is_rejected(breaks: Breaks) -> None:
    root = breaks("Tiny.devImages.txt", "grey.png\ngrey.png\n")
    with pytest.raises(DatasetError, match=r"grey\.png is listed in dev and again in dev"):
        load_dataset(root)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("captions.txt", "image,caption\nred.png,.\n"),
        ("Tiny.devImages.txt", "new.png\n"),
    ],
)
def test_a_photo_without_a_caption_in_a_split_is_rejected(
    breaks: Breaks, name: str, content: str
) -> None:
    with pytest.raises(DatasetError, match=r"\.txt:1: \w+\.png of the \w+ split has no caption"):
        load_dataset(breaks(name, content))


def test_missing_photos_are_counted_and_one_is_named(dataset_root: Path) -> None:
    (dataset_root / "images" / "red.png").unlink()
    (dataset_root / "images" / "blue.png").unlink()
    with pytest.raises(DatasetError, match=r"2 photos are not in .*, first red\.png"):
        load_dataset(dataset_root)


def test_missing_photos_can_be_left_out(dataset_root: Path, tmp_path: Path) -> None:
    (dataset_root / "images" / "red.png").unlink()
    listed = tmp_path / "data.toml"
    listed.write_text('[[sources]]\npath = "tiny"\nallow_missing = true\n')
    dataset = load_dataset(listed)
    assert dataset.splits["train"] == ("green.png", "blue.png", "white.png")
    assert dataset.left_out == {"red.png": "not there"}


def test_photos_named_in_exclude_are_left_out(dataset_root: Path) -> None:
    (dataset_root / "exclude.txt").write_text("red.png\n")
    dataset = load_dataset(dataset_root)
    assert "red.png" not in dataset.files
    assert dataset.left_out == {"red.png": "in exclude.txt"}


def test_exclude_takes_the_names_that_check_shows_of_several_sources(dataset_root: Path) -> None:
    other = dataset_root.parent / "others"
    (other / "images").mkdir(parents=True)
    write_photo(other / "images" / "cat.png")
    (dataset_root / "exclude.txt").write_text(f"{dataset_root.name}/red.png\n")
    dataset = load_dataset(dataset_root, other)
    assert dataset.left_out == {f"{dataset_root.name}/red.png": "in exclude.txt"}


def test_sources_in_one_folder_share_their_exclude(tmp_path: Path) -> None:
    for source in ("a", "b"):
        lines = "".join(f"{source}{i}.png,A dog\n" for i in range(9))
        (tmp_path / f"{source}.csv").write_text(f"image,caption\n{lines}")
        for i in range(9):
            write_photo(tmp_path / f"{source}{i}.png")
    (tmp_path / "exclude.txt").write_text("b3.png\na/a4.png\n")
    left_out = load_dataset(tmp_path / "a.csv", tmp_path / "b.csv").left_out
    assert left_out == {"b/b3.png": "in exclude.txt", "a/a4.png": "in exclude.txt"}


def test_an_exclude_that_names_no_photo_is_told_and_an_empty_one_is_fine(
    dataset_root: Path,
) -> None:
    exclude = dataset_root / "exclude.txt"
    exclude.write_text("\nimages/red.png\n")
    with pytest.raises(DatasetError, match=r"exclude\.txt:2: there is no photo images/red\.png"):
        load_dataset(dataset_root)
    exclude.write_text("\n")
    assert load_dataset(dataset_root).left_out == {}


def test_windows_line_ends_and_empty_lines_do_not_matter(dataset_root: Path) -> None:
    expected = load_dataset(dataset_root)
    for path in dataset_root.glob("*.txt"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n\r\n"))
    assert load_dataset(dataset_root) == expected


def test_splits_that_are_not_given_are_drawn_from_train_by_the_seed(dataset_root: Path) -> None:
    for path in dataset_root.glob("Tiny.*"):
        path.unlink()
    dataset = load_dataset(dataset_root)
    assert sorted(dataset.names) == sorted(CAPTIONS)
    assert load_dataset(dataset_root).splits == dataset.splits
    listed = dataset_root / "data.toml"
    drawn = set()
    for seed in range(40):
        listed.write_text(f'[[sources]]\npath = "."\nseed = {seed}\ndev = 0.4\n')
        dataset = load_dataset(listed)
        assert all(dataset.splits[split] for split in ("train", "dev", "test"))
        drawn.add(dataset.splits["dev"])
    assert len(drawn) > 5


def described(root: Path, photos: int) -> Dataset:
    """A data set of so many photos, and the earliest in the alphabet are the latest."""
    (root / "images").mkdir(parents=True, exist_ok=True)
    names = [f"{1000 - i}.png" for i in range(photos)]
    for name in names:
        (root / "images" / name).touch()
    lines = "".join(f"{name},A dog\n" for name in names)
    (root / "captions.txt").write_text(f"image,caption\n{lines}")
    return load_dataset(root)


def test_the_shares_that_are_drawn_are_about_those_asked_for(tmp_path: Path) -> None:
    splits = described(tmp_path, 600).splits
    assert 40 < len(splits["dev"]) < 80
    assert 40 < len(splits["test"]) < 80


def test_no_photo_changes_its_split_when_others_are_added(tmp_path: Path) -> None:
    before, after = described(tmp_path, 200).splits, described(tmp_path, 300).splits
    for split in ("train", "dev", "test"):
        assert set(before[split]) < set(after[split])


def test_a_missing_dev_split_is_drawn_from_train_alone(dataset_root: Path) -> None:
    (dataset_root / "Tiny.devImages.txt").unlink()
    dataset = load_dataset(dataset_root)
    assert dataset.splits["test"] == tuple(TEST)
    assert {*dataset.splits["train"], *dataset.splits["dev"]} == set(TRAIN)


def test_two_photos_are_too_few_to_split(dataset_root: Path) -> None:
    for path in dataset_root.glob("Tiny.*"):
        path.unlink()
    (dataset_root / "captions.txt").write_text("image,caption\nred.png,A dog\nblue.png,A sky\n")
    with pytest.raises(DatasetError, match="2 captioned photos are too few"):
        load_dataset(dataset_root)


def test_several_sources_are_joined_with_a_weight_each(dataset_root: Path) -> None:
    other = dataset_root.parent / "others"
    (other / "images").mkdir(parents=True)
    write_photo(other / "images" / "cat.png")
    write_photo(other / "images" / "nothing.png")
    (other / "labels.tsv").write_text("cat.png\tcat,sofa\n")
    (other / "captions_without_photos.tsv").write_text("7\tcup,cat\tA cat by a cup .\n")
    listed = dataset_root.parent / "data.toml"
    listed.write_text('[[sources]]\npath = "tiny"\nweight = 2.5\n[[sources]]\npath = "others"\n')
    dataset = load_dataset(listed)
    assert dataset.splits["dev"] == ("tiny/grey.png",)
    assert dataset.captions["tiny/grey.png"] == DEV["grey.png"]
    assert dataset.uncaptioned == ("others/cat.png", "others/nothing.png")
    assert dataset.labels == {"others/cat.png": ("cat", "sofa")}
    assert dataset.trainable[-2:] == dataset.uncaptioned
    assert [text.caption for text in dataset.texts] == ["A cat by a cup ."]
    assert (dataset.weight("tiny/red.png"), dataset.weight("others/cat.png")) == (2.5, 1.0)
    assert dataset.files["others/cat.png"] == other / "images" / "cat.png"


def test_sources_need_names_that_differ(dataset_root: Path) -> None:
    with pytest.raises(DatasetError, match="two sources have the name tiny"):
        load_dataset(dataset_root, dataset_root)


def test_photos_without_any_caption_are_no_data_set(dataset_root: Path) -> None:
    (dataset_root / "captions.txt").unlink()
    with pytest.raises(DatasetError, match="no captioned photo is in the train split"):
        load_dataset(dataset_root)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"no \[\[sources\]\]"),
        ("[[sources]]\nweight = 1\n", "path: Field required"),
        ('[[sources]]\npath = "a"\nweight = 0\n', "weight: Input should be greater than 0"),
        ("nonsense", "data.toml"),
        ('[[sources]]\npath = "a"\n', "a does not exist"),
    ],
)
def test_a_mistake_in_the_list_of_sources_is_told(
    tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "data.toml").write_text(content)
    with pytest.raises(DatasetError, match=message):
        load_dataset(tmp_path / "data.toml")
