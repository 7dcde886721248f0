import pytest

from training.data.lexicons.people import agreed_gender
from training.measure.audit.gender import gender, outcome


def references(*captions: str) -> list[list[str]]:
    return [caption.split() for caption in captions]


WOMAN = references("a woman runs", "a lady", "a woman in red", "a runner", "someone runs")
MAN = references("a man runs", "a guy", "a man in red", "a runner", "someone runs")
GIRL = references("a girl plays", "a girl", "a child plays", "a girl kicks a ball", "a ball")


def test_a_gender_is_agreed_on_by_three_captions_that_none_contradicts() -> None:
    assert agreed_gender(WOMAN) == "female"
    assert agreed_gender(MAN) == "male"
    assert agreed_gender(WOMAN[:2]) is None
    assert agreed_gender(WOMAN[:2], least=2) == "female"
    assert agreed_gender([*WOMAN, ["a", "man"]]) is None
    assert agreed_gender([*WOMAN, *references("a man and a woman")]) is None


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("a woman runs", "right"),
        ("a boy runs", "wrong"),
        ("a man and a woman run", "both"),
        ("a person runs", "neutral"),
        ("a red field", "nobody"),
    ],
)
def test_a_caption_calls_a_woman_something(caption: str, expected: str) -> None:
    assert outcome(caption.split(), "female") == expected


def test_shares_are_given_for_both_genders_by_age_and_scene() -> None:
    captions = {"w": ["a", "man"], "m": ["a", "man"], "g": ["a", "girl"], "x": ["a", "dog"]}
    photos = {"w": WOMAN, "m": MAN, "g": GIRL, "x": references("a dog")}
    found = gender(captions, photos)
    assert found["female"]["all"]["wrong"]["hits"] == 1
    assert found["female"]["all"]["wrong"]["of"] == 2
    assert found["female"]["children"]["right"]["share"] == 1.0
    assert found["female"]["children"]["right"]["of"] == 1
    assert found["female"]["adults"]["wrong"]["share"] == 1.0
    assert found["male"]["all"]["right"]["share"] == 1.0
    assert found["female"]["kitchen"]["right"]["of"] == 0


def test_the_ratio_compares_captions_with_references() -> None:
    found = gender({"w": ["a", "man"], "m": ["a", "man"]}, {"w": WOMAN, "m": MAN})["ratio"]
    assert found["women_in_captions"]["share"] == 0
    assert found["women_in_references"]["share"] == 0.5
