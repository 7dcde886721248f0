import pytest

from training.data.lexicons.objects import object_lexicon, objects_named


@pytest.mark.parametrize(
    ("caption", "labels"),
    [
        ("two kittens on a sofa", {"cat", "couch"}),
        ("a man is riding a motorbike", {"person", "motorcycle"}),
        ("people with knives and mice", {"person", "knife", "mouse"}),
        ("puppies in the grass", {"dog"}),
        ("buses and benches", {"bus", "bench"}),
        ("the sky at night", set()),
        ("a pick-up beside a horse-drawn cart", {"truck", "horse"}),
    ],
)
def test_synonyms_and_plurals_name_their_object(caption: str, labels: set[str]) -> None:
    assert objects_named(caption.split()) == labels


@pytest.mark.parametrize(
    ("caption", "labels"),
    [
        ("a hot dog on a plate", {"hot dog"}),
        ("a teddy bear on a bed", {"teddy bear", "bed"}),
        ("a traffic light above a street", {"traffic light"}),
        ("a glass of wine on a dinner table", {"wine glass", "dining table"}),
        ("a player at home plate", {"person"}),
        ("a green train car", {"train"}),
        ("a passenger plane at an airport", {"airplane"}),
        ("rolls of toilet paper", set()),
        ("a computer keyboard", {"keyboard"}),
    ],
)
def test_the_longest_phrase_counts_alone(caption: str, labels: set[str]) -> None:
    assert objects_named(caption.split()) == labels


def test_a_baby_animal_is_no_person() -> None:
    assert objects_named("a baby elephant behind a mother elephant".split()) == {"elephant"}
    assert objects_named("a baby with a toy".split()) == {"person"}


@pytest.mark.parametrize(
    ("caption", "fruit"),
    [
        ("an orange on a table", True),
        ("a bowl of apples and oranges", True),
        ("an orange", True),
        ("a man in an orange shirt", False),
        ("a woman dressed in orange", False),
        ("an orange and white cat", False),
        ("a cat that is black and orange", False),
    ],
)
def test_orange_is_a_fruit_only_where_it_is_a_noun(caption: str, fruit: bool) -> None:
    assert ("orange" in objects_named(caption.split())) is fruit


def test_there_are_the_eighty_objects_of_coco_each_named_by_itself() -> None:
    labels = object_lexicon().labels
    assert len(labels) == 80
    for label in labels:
        assert objects_named(["the", *label.split()]) == {label}
