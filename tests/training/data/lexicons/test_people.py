import pytest

from training.data.lexicons.people import (
    gender_of,
    names_people,
    neutral,
    neutral_ids,
    people_lexicon,
)


@pytest.mark.parametrize(
    ("caption", "gender"),
    [
        ("a man and his son", "male"),
        ("two girls on a beach", "female"),
        ("a man beside a woman", "both"),
        ("a person with a child", None),
        ("a dog shakes his head", None),
        ("the human on the sidewalk", None),
    ],
)
def test_nouns_tell_the_gender_of_a_caption(caption: str, gender: str | None) -> None:
    assert gender_of(caption.split()) == gender


@pytest.mark.parametrize(
    ("caption", "anybody"),
    [("a woman sits", True), ("a skier on a slope", True), ("a brown dog", False)],
)
def test_people_are_named_with_or_without_a_gender(caption: str, anybody: bool) -> None:
    assert names_people(caption.split()) is anybody


@pytest.mark.parametrize(
    ("caption", "reworded"),
    [
        ("a man with his dog", "a person with their dog"),
        ("three boys play", "three children play"),
        ("a girl has a toy behind her", "a child has a toy behind them"),
        ("a lady puts her hat on", "a person puts their hat on"),
        ("a boy jumps while he is running", "a child jumps while they are running"),
        ("a man and a woman sit", "two people sit"),
        ("men and women sit", "people sit"),
        ("a brown dog runs", "a brown dog runs"),
    ],
)
def test_neutral_wording_stays_grammatical(caption: str, reworded: str) -> None:
    assert neutral(caption.split()) == reworded.split()


def test_neutral_captions_tell_no_gender() -> None:
    gendered = people_lexicon().gendered
    assert not set(neutral(list(gendered))) & set(gendered)


def test_neutral_words_are_not_gendered() -> None:
    lexicon = people_lexicon()
    assert not lexicon.neutral & set(lexicon.gendered)
    assert not set(lexicon.male) & set(lexicon.female)


def test_the_words_of_people_are_those_of_a_gender_and_those_of_none() -> None:
    words = people_lexicon().words
    assert {"man", "woman", "boys", "girl", "person", "people", "baby"} <= words
    assert not {"her", "dog", "a"} & words


def test_the_search_gets_the_positions_of_the_gendered_words() -> None:
    assert neutral_ids(["<pad>", "man", "person", "her", "three-man", "human"]) == [1, 3, 4]
