"""What `check` finds in a data set."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.formats import write_flickr8k
from training.cli import main
from training.data.check import check, text
from training.data.contact_sheet import SIDE, contact_sheet
from training.data.duplicates import photo_hash, similar_pairs
from training.data.load import load_dataset


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Six photos, no two alike."""
    write_flickr8k(tmp_path)
    for i, path in enumerate(sorted((tmp_path / "images").iterdir())):
        noise = np.random.default_rng(i).integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(noise).resize((96, 64)).save(path)
    return tmp_path


def test_a_sound_data_set_is_counted(root: Path) -> None:
    report = check(load_dataset(root), min_count=4, max_words=5)
    assert report.photos == {"train": 4, "dev": 1, "test": 1, "uncaptioned": 0}
    assert report.captions["train"] == 8
    assert report.captions_per_photo["50%"] == 2
    assert report.words_per_caption["100%"] == 6
    assert report.vocabulary == 7
    assert 0 < report.coverage["dev"] < 1
    assert report.too_long == 4
    assert report.labels == 2
    assert (report.broken, report.duplicates, report.left_out) == ({}, [], {})


def test_broken_and_duplicate_photos_are_found_across_splits(root: Path) -> None:
    images = root / "images"
    Image.open(images / "p0.png").resize((60, 44)).save(images / "p4.png")  # train and dev
    Image.open(images / "p1.png").save(images / "p2.png")  # both in train
    (images / "p3.png").write_bytes(b"no photo")
    report = check(load_dataset(root), min_count=1, max_words=22)
    assert [pair[:2] for pair in report.duplicates] == [("p0.png", "p4.png"), ("p1.png", "p2.png")]
    assert [pair[:2] for pair in report.across_splits] == [("p0.png", "p4.png")]
    assert list(report.broken) == ["p3.png"]
    said = text(report)
    assert "1 pairs look alike across splits" in said
    assert "1 photos cannot be decoded; mend them or put them into exclude.txt: p3.png (" in said


def test_what_is_left_out_is_said_with_its_reason(root: Path) -> None:
    (root / "exclude.txt").write_text("p0.png\n")
    with (root / "captions.txt").open("a") as file:
        file.write("\np1.png,...\n")
    said = text(check(load_dataset(root), min_count=1, max_words=22))
    assert "1 photos are left out, in exclude.txt: p0.png" in said
    assert "1 captions without a word are left out: p1.png" in said


def test_splits_of_few_photos_are_told(root: Path) -> None:
    report = check(load_dataset(root), min_count=1, max_words=22)
    assert "1 dev photos are too few" in text(report)
    assert "1 test photos are too few" in text(report)
    enough = replace(report, photos=report.photos | {"dev": 20})
    assert "dev photos are too few" not in text(enough)


def test_similar_photos_are_found_among_more_than_one_block() -> None:
    values = np.random.default_rng(0).integers(0, 2**63, 3000, np.uint64)
    hashes = {str(i): value for i, value in enumerate(values)}
    hashes["2999"] = hashes["5"] ^ np.uint64(0b111)
    assert list(similar_pairs(hashes)) == [("5", "2999", 3)]


def test_a_hash_survives_scaling_and_compression(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    photo = Image.fromarray(noise).resize((300, 200))
    photo.resize((224, 224)).save(tmp_path / "small.jpg", quality=60)
    with Image.open(tmp_path / "small.jpg") as small:
        assert int(np.bitwise_count(photo_hash(photo) ^ photo_hash(small))) <= 4


def test_the_contact_sheet_shows_each_photo_with_a_broken_one_in_grey(
    root: Path, tmp_path: Path
) -> None:
    (root / "images" / "p5.png").write_bytes(b"no photo")
    contact_sheet(load_dataset(root), tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width == 6 * SIDE
        assert sheet.getpixel((5 * SIDE + 100, 100)) == (128, 128, 128)


def test_the_step_prints_and_writes_its_findings(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["check", str(root), "--sheet", str(tmp_path / "sheet.png")]
    assert main([*command, "--report", str(tmp_path / "report.json")]) == 0
    assert "vocabulary" in capsys.readouterr().out
    assert json.loads((tmp_path / "report.json").read_text())["photos"]["train"] == 4
    assert (tmp_path / "sheet.png").is_file()
    (root / "images" / "p3.png").write_bytes(b"no photo")
    assert main(command) == 2
    assert "1 photos cannot be decoded" in capsys.readouterr().err
