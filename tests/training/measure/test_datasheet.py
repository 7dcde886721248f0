from pathlib import Path

from training.data.dataset import Dataset
from training.data.formats.source import Text
from training.measure.datasheet import datasheet


def test_photos_captions_people_and_labels_are_counted() -> None:
    captions = {
        "a": ("A man runs .", "A runner .", "An asian man and a woman ."),
        "b": ("A dog .",),
        "c": ("A girl .",),
    }
    dataset = Dataset(
        files={name: Path(name) for name in "abcd"},
        captions=captions,
        splits={"train": ("a",), "dev": ("b",), "test": ("c",)},
        labels={"a": ("person",), "d": ("cat", "person")},
        uncaptioned=("d",),
        texts=(Text("9", ("cat",), "A cat sleeps ."), Text("9", ("cat",), "A cat .")),
    )
    found = datasheet(dataset)
    assert found["photos"] == {"train": 1, "dev": 1, "test": 1, "without captions": 1}
    assert found["captions"] == {"train": 3, "dev": 1, "test": 1}
    assert found["captions without photos"] == {"captions": 2, "photos": 1}
    assert found["people in training captions"] == {
        "male": 1,
        "female": 0,
        "both": 1,
        "neutral": 1,
        "nobody": 0,
    }
    assert found["people in captions without photos"]["nobody"] == 2
    assert found["blocked words"]["ethnicity"] == 1
    assert found["labelled photos"] == 2
    assert found["most frequent labels"] == {"person": 2, "cat": 1}


def test_a_data_set_without_labels_and_texts_has_none() -> None:
    names = {"train": ("a",), "dev": ("b",), "test": ("c",)}
    captions = dict.fromkeys("abc", ("A dog runs .",))
    dataset = Dataset(files={n: Path(n) for n in "abc"}, captions=captions, splits=names)
    found = datasheet(dataset)
    assert found["people in captions without photos"] is None
    assert found["most frequent labels"] == {}
