import numpy as np

from training.data.tags import TagNames, choose_tags
from training.data.text import SPECIAL_WORDS, Vocabulary

NAMES = TagNames(
    ("cat", "fire hydrant", "person"), ("a", "cat", "sits"), (("a", "cat"), ("cat", "sits"))
)
VOCABULARY = Vocabulary((*SPECIAL_WORDS, "a", "cat", "cats", "kitten", "hydrant", "man", "sits"))


def test_objects_are_there_or_not() -> None:
    assert NAMES.present(("person", "cat", "zebra")).tolist() == [1, 0, 1]
    assert NAMES.present(()).tolist() == [0, 0, 0]


def test_a_gram_counts_once_a_caption() -> None:
    captions = [["a", "cat", "a", "cat"], ["the", "cat", "sits"]]
    assert NAMES.shares(captions).tolist() == [0.5, 1, 0.5, 0.5, 0.5]
    assert NAMES.shares([]).tolist() == [0] * 5


def test_each_word_of_the_vocabulary_has_the_column_of_its_tag_or_none() -> None:
    columns = dict(zip(VOCABULARY.words, NAMES.word_columns(VOCABULARY).tolist(), strict=True))
    assert (columns["a"], columns["cat"], columns["sits"]) == (3, 4, 5)
    assert {columns[word] for word in (*SPECIAL_WORDS, "kitten", "man")} == {6}


def test_synonyms_plurals_and_parts_of_a_name_have_the_column_of_the_object() -> None:
    columns = dict(zip(VOCABULARY.words, NAMES.object_columns(VOCABULARY).tolist(), strict=True))
    assert [columns[word] for word in ("cat", "cats", "kitten", "hydrant")] == [0, 0, 0, 1]
    assert {columns[word] for word in (*SPECIAL_WORDS, "a", "sits", "man")} == {6}


def test_tags_are_the_grams_of_enough_photos_that_the_vocabulary_can_say() -> None:
    photos = {"1": [["a", "cat"]], "2": [["a", "cat"], ["a", "cat"]], "3": [["a", "dog"]]}
    texts = {"4": [["kitten", "sits"]], "5": [["kitten", "sits"]], "6": [["kitten", "naps"]]}
    found = choose_tags(photos, texts, {"dog", "cat"}, VOCABULARY, (2, 3, 2))
    assert found.objects == ("cat", "dog")
    assert found.words == ("a", "cat", "kitten")
    assert found.pairs == (("a", "cat"), ("kitten", "sits"))
    assert len(found) == 7
    assert found.read == 5


def test_an_unknown_word_makes_no_pair() -> None:
    photos = {"1": [["a", "wombat"]]}
    found = choose_tags(photos, {}, (), VOCABULARY, (1, 1, 1))
    assert found == TagNames((), ("a",), ())
    assert np.shape(found.shares([["a", "wombat"]])) == (1,)
