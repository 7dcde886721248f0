import pytest

from training.measure.chair import chair

LABELS = {
    "a.jpg": {"person", "motorcycle"},
    "b.jpg": {"cat"},
    "c.jpg": {"vase", "dining table"},
    "unlabelled.jpg": set[str](),
}
CAPTIONS = {
    "a.jpg": "a man is riding a motorcycle",
    "b.jpg": "a brown dog is licking its nose",
    "c.jpg": "flowers in a vase",
    "unlabelled.jpg": "a dog",
}


def test_recall_counts_photos_with_an_object_that_is_there() -> None:
    found = chair(CAPTIONS, LABELS)
    assert (found["recall"]["hits"], found["recall"]["of"]) == (2, 3)
    without = found["recall_without_people"]
    assert (without["hits"], without["of"]) == (1, 2)


def test_hallucination_counts_photos_with_an_object_that_is_not_there() -> None:
    found = chair(CAPTIONS, LABELS)
    assert (found["hallucination"]["hits"], found["hallucination"]["of"]) == (1, 3)
    mentions = found["hallucinated_mentions"]  # person, motorcycle, dog, vase
    assert (mentions["hits"], mentions["of"]) == (1, 4)
    assert found["most_hallucinated"] == {"dog": 1}
    assert found["most_missed"] == {"cat": 1, "dining table": 1}


def test_what_people_s_captions_name_is_there_too() -> None:
    found = chair(CAPTIONS, LABELS, {"b.jpg": ["A dog by a cat ."], "other.jpg": ["A bus ."]})
    assert found["hallucination"]["hits"] == 0
    assert found["recall"]["hits"] == 3


def test_captions_of_photos_without_labels_cannot_be_checked() -> None:
    with pytest.raises(ValueError, match="object labels"):
        chair({"x.jpg": "a dog"}, LABELS)
