import numpy as np
import pytest

from service.engine.captions import Beam, Word


def beam(text: str) -> Beam:
    return Beam(tuple(Word(word, -0.5) for word in text.split()), -0.25, -1.0)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("a dog does n't run", "a dog doesn't run"),
        ("the dog 's ball", "the dog's ball"),
        ("they 're here", "they're here"),
        ("they 've left", "they've left"),
        ("i 'm here", "i'm here"),
        ("i 'd say", "i'd say"),
        ("it 'll do", "it'll do"),
        ("it does n't", "it doesn't"),
        ("the dog 's owner does n't look", "the dog's owner doesn't look"),
        ("a man 'shopping'", "a man 'shopping'"),
        ("a man n'thing", "a man n'thing"),
        ("a dog", "a dog"),
        ("'s", "'s"),
        ("", ""),
    ],
)
def test_a_caption_is_written_as_people_write(words: str, text: str) -> None:
    assert beam(words).text == text


def test_the_end_counts_in_the_probability_of_a_caption() -> None:
    assert beam("a dog runs").log_probability == -1.75


def test_a_caption_of_no_words_still_ends() -> None:
    assert beam("").log_probability == -0.25


def test_focus_is_the_most_attention_of_a_cell_over_an_even_share() -> None:
    attention = np.full((2, 4, 5), 1 / 20, np.float32)
    attention[1, 2, 3] = 0.5
    assert Beam((Word("dog", -1.0),), -0.5, -1.0, attention).focus == pytest.approx(10)
    assert beam("a dog").focus is None
