"""The same few photos in each of the formats, and mistakes in each."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.training.formats import CAPTIONS, LABELS, SPLITS, WRITERS
from training.data.absent import absent_photos
from training.data.formats.detect import detect
from training.data.formats.source import DatasetError
from training.data.load import load_dataset


@pytest.mark.parametrize("format", WRITERS)
def test_every_format_is_recognised_and_read_alike(format: str, tmp_path: Path) -> None:
    WRITERS[format](tmp_path)
    assert detect(tmp_path) == format
    dataset = load_dataset(tmp_path)
    splits = {split: sorted(Path(name).name for name in dataset.splits[split]) for split in SPLITS}
    assert splits == SPLITS
    captions = {Path(name).name: list(group) for name, group in dataset.captions.items()}
    assert captions == CAPTIONS
    assert all(dataset.files[name].is_file() for name in dataset.names)
    if format != "karpathy":
        labels = {Path(name).name: each for name, each in dataset.labels.items() if each}
        assert labels == LABELS


def change(path: Path, edit: Callable[[Any], None]) -> None:
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


COCO = "annotations/captions_train2017.json"
METADATA = "train/metadata.jsonl"


@pytest.mark.parametrize(
    ("format", "name", "content", "message"),
    [
        ("coco", COCO, "{\n1", r"captions_train2017\.json:2: not JSON"),
        ("coco", COCO, "[]", r"a list named 'images' is needed"),
        ("coco", COCO, '{"images": [3]}', r"images\[0\] must be an object, not 3"),
        ("coco", COCO, '{"images": [{"id": 1}]}', r"images\[0\]: 'file_name' is missing"),
        (
            "coco",
            COCO,
            '{"images": [], "annotations": [{"image_id": 5, "caption": "A"}]}',
            r"annotations\[0\]: image_id 5 is not among the images",
        ),
        ("karpathy", "dataset_tiny.json", "{}", "a list named 'images' is needed"),
        (
            "karpathy",
            "dataset_tiny.json",
            '{"images": [{"filename": "a.png", "split": "fun", "sentences": []}]}',
            r"dataset_tiny\.json: images\[0\]: split 'fun' is none of train",
        ),
        (
            "karpathy",
            "dataset_tiny.json",
            '{"images": [{"filename": "a.png", "split": "val", "sentences": [{}]}]}',
            r"images\[0\]: sentences\[0\]: 'raw' is missing",
        ),
        ("csv", "captions.csv", "photo,words\n", r"captions\.csv:1: the columns 'image' and"),
        ("csv", "captions.csv", "image,caption\n", "has no line below its header"),
        ("csv", "captions.csv", 'image,caption\na.png,"A', r"captions\.csv:2: not CSV"),
        (
            "csv",
            "captions.csv",
            "image,caption,split\na.png,A dog, runs,train\n",
            r"captions\.csv:2: 4 fields where the header has 3; put quotes",
        ),
        (
            "csv",
            "captions.csv",
            "image,caption,split\na.png,A dog,train\na.png,A dog,test\n",
            r"captions\.csv:3: a\.png is in train and again in test",
        ),
        ("csv", "captions.csv", "image,caption,split\na.png,A,fun\n", "split 'fun' is none of"),
        ("imagefolder", METADATA, "{}", r"metadata\.jsonl:1: 'file_name' is missing"),
        ("imagefolder", METADATA, '\n{"file_name', r"metadata\.jsonl:2: not JSON"),
        ("imagefolder", METADATA, "3", r"metadata\.jsonl:1: an object is needed"),
        ("imagefolder", METADATA, '{"file_name": "a", "text": 3}', "'text' must be a string or"),
        ("imagefolder", METADATA, '{"file_name": "a", "labels": "b"}', "'labels' must be a list"),
        ("imagefolder", METADATA, '{"file_name": "n.png", "text": "A"}', "1 photos are not in"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    format: str, name: str, content: str, message: str, tmp_path: Path
) -> None:
    WRITERS[format](tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(DatasetError, match=message):
        load_dataset(tmp_path)


def test_one_file_is_read_with_the_photos_beside_it(tmp_path: Path) -> None:
    WRITERS["coco"](tmp_path)
    dataset = load_dataset(tmp_path / COCO)
    assert {Path(n).name for n in dataset.names} == set(SPLITS["train"])
    WRITERS["csv"](tmp_path / "table")
    assert load_dataset(tmp_path / "table" / "captions.csv").splits["dev"]


def test_a_photo_in_two_of_cocos_files_is_rejected(tmp_path: Path) -> None:
    WRITERS["coco"](tmp_path)
    first = json.loads((tmp_path / COCO).read_text())["images"][0]
    change(
        tmp_path / "annotations" / "captions_val2017.json",
        lambda content: content["images"].append(first | {"id": 99}),
    )
    with pytest.raises(DatasetError, match=r"captions_val2017\.json: images\[1\]: .* twice"):
        load_dataset(tmp_path)


def test_a_photo_of_coco_without_captions_is_uncaptioned(tmp_path: Path) -> None:
    WRITERS["coco"](tmp_path)
    name = SPLITS["train"][0]
    change(
        tmp_path / COCO,
        lambda content: content.update(
            annotations=[a for a in content["annotations"] if a["image_id"] != 0]
        ),
    )
    dataset = load_dataset(tmp_path)
    assert dataset.uncaptioned == (name,)
    assert name not in dataset.names


def test_a_folder_of_none_of_the_formats_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no captions found; give"):
        load_dataset(tmp_path)


@pytest.mark.parametrize("format", ["coco", "karpathy"])
def test_a_file_name_in_two_folders_is_told_unless_one_is_images(
    format: str, tmp_path: Path
) -> None:
    WRITERS[format](tmp_path)
    file = load_dataset(tmp_path).files[SPLITS["train"][0]]
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / file.name).write_bytes(file.read_bytes())
    file.unlink()
    with pytest.raises(DatasetError, match=rf"{file.name} may be first/.* or second/"):
        load_dataset(tmp_path)
    (tmp_path / "images").mkdir(exist_ok=True)
    (tmp_path / "first" / file.name).rename(tmp_path / "images" / file.name)
    assert load_dataset(tmp_path).files[file.name].parent.name == "images"


def test_captions_txt_can_be_named_itself(tmp_path: Path) -> None:
    WRITERS["flickr8k"](tmp_path)
    assert load_dataset(tmp_path / "captions.txt").splits == load_dataset(tmp_path).splits


def test_a_json_file_with_a_byte_order_mark_is_read_by_its_name_too(tmp_path: Path) -> None:
    WRITERS["coco"](tmp_path)
    file = tmp_path / COCO
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert load_dataset(file).splits["train"]


def test_a_caption_may_hold_what_ends_a_line_elsewhere(tmp_path: Path) -> None:
    WRITERS["imagefolder"](tmp_path)
    name = SPLITS["train"][0]
    line = json.dumps({"file_name": name, "text": "A dog\u2028runs"}, ensure_ascii=False)
    (tmp_path / METADATA).write_text(line + "\n")
    assert load_dataset(tmp_path).captions[f"train/{name}"] == ("A dog\u2028runs",)


@pytest.mark.parametrize("format", ["flickr8k", "csv", "coco"])
def test_names_match_however_their_letters_are_composed(format: str, tmp_path: Path) -> None:
    WRITERS[format](tmp_path)
    name = SPLITS["train"][0]
    file = load_dataset(tmp_path).files[name]
    file.rename(file.with_name("mu\u0308ll.png"))  # as some systems' archives have it
    for path in [*tmp_path.rglob("*.txt"), *tmp_path.rglob("*.csv"), *tmp_path.rglob("*.json")]:
        path.write_text(path.read_text().replace(name, "m\u00fcll.png"))
    assert load_dataset(tmp_path).files["m\u00fcll.png"].is_file()


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"no gzip", "not gzip"), (b"\x1f\x8b\x08\x00cut", "damaged"), (None, "damaged")],
)
def test_a_damaged_archive_of_captions_is_named(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    WRITERS["flickr8k"](tmp_path)
    whole = gzip.compress(b"1\tcat\tA cat sits\n" * 200)
    (tmp_path / "captions_without_photos.tsv.gz").write_bytes(content or whole[:-20])
    with pytest.raises(DatasetError, match=rf"captions_without_photos\.tsv\.gz is .*{message}"):
        load_dataset(tmp_path)


def test_captions_without_photos_of_two_sources_are_of_different_photos(tmp_path: Path) -> None:
    for source, label in (("first", "cat"), ("second", "dog")):
        WRITERS["flickr8k"](tmp_path / source)
        line = f"1\t{label}\tA {label} sits\n"
        (tmp_path / source / "captions_without_photos.tsv").write_text(line)
    dataset = load_dataset(tmp_path / "first", tmp_path / "second")
    assert {name: each.labels for name, each in absent_photos(dataset).items()} == {
        "first/1": ("cat",),
        "second/1": ("dog",),
    }


def test_a_folder_s_name_matches_however_its_letters_are_composed(tmp_path: Path) -> None:
    WRITERS["imagefolder"](tmp_path)
    expected = load_dataset(tmp_path)
    (tmp_path / "train").rename(tmp_path / "mu\u0308ll")
    dataset = load_dataset(tmp_path)
    assert len(dataset.names) + len(dataset.left_out) == len(expected.names)
    assert all(dataset.files[name].is_file() for name in dataset.names)
    assert all(name.startswith("m\u00fcll/") for name in dataset.left_out)
