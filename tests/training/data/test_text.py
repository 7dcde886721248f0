from pathlib import Path

import pytest

from training.data.text import END, PAD, SPECIAL_WORDS, START, UNK, Vocabulary, tokenize


@pytest.mark.parametrize(
    ("caption", "tokens"),
    [
        ("A dog runs .", ["a", "dog", "runs"]),
        ("Two men, one hat!", ["two", "men", "one", "hat"]),
        ("They don't look", ["they", "do", "n't", "look"]),
        ("It isn\N{RIGHT SINGLE QUOTATION MARK}t", ["it", "is", "n't"]),
        ("the dog's ball", ["the", "dog", "'s", "ball"]),
        (
            "he's they're we'll I'd I've I'm",
            ["he", "'s", "they", "'re", "we", "'ll", "i", "'d", "i", "'ve", "i", "'m"],
        ),
        ("a black-and-white T-shirt", ["a", "black-and-white", "t-shirt"]),
        ('a sign that says "STOP"', ["a", "sign", "that", "says", "stop"]),
        ("number 42 (blue)", ["number", "42", "blue"]),
        ("Ein Mädchen im Schnee", ["ein", "mädchen", "im", "schnee"]),
        ("the girls' team", ["the", "girls", "team"]),
        (" . ", []),
    ],
)
def test_a_caption_is_split_as_the_treebank_does(caption: str, tokens: list[str]) -> None:
    assert tokenize(caption) == tokens


def test_frequent_words_come_first_and_rare_ones_are_left_out() -> None:
    captions = [["b", "a", "c"], ["b", "a"], ["b", "rare"]]
    vocabulary = Vocabulary.from_captions(captions, min_count=2)
    assert vocabulary.words == (*SPECIAL_WORDS, "b", "a")
    assert len(vocabulary) == 6


def test_words_of_equal_count_are_in_alphabetical_order() -> None:
    assert Vocabulary.from_captions([["z", "m", "a"]], 1).words[4:] == ("a", "m", "z")


def test_a_caption_is_encoded_between_start_and_end() -> None:
    vocabulary = Vocabulary((*SPECIAL_WORDS, "a", "dog"))
    assert vocabulary.encode(["a", "purple", "dog"]) == [START, 4, UNK, 5, END]


def test_decoding_stops_at_the_end_and_leaves_special_words_out() -> None:
    vocabulary = Vocabulary((*SPECIAL_WORDS, "a", "dog"))
    assert vocabulary.decode([START, 4, UNK, 5, END, 4, PAD]) == ["a", "dog"]


def test_a_saved_vocabulary_is_loaded_the_same(tmp_path: Path) -> None:
    vocabulary = Vocabulary((*SPECIAL_WORDS, "a", "n't", "über"))
    vocabulary.save(tmp_path / "vocabulary.txt")
    assert Vocabulary.load(tmp_path / "vocabulary.txt").words == vocabulary.words


def test_the_file_has_a_word_a_line(tmp_path: Path) -> None:
    Vocabulary((*SPECIAL_WORDS, "a")).save(tmp_path / "vocabulary.txt")
    assert (tmp_path / "vocabulary.txt").read_text() == "<pad>\n<start>\n<end>\n<unk>\na\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("a", "dog"), "starts with the words <pad> <start> <end> <unk>"),
        ((*SPECIAL_WORDS, "a", "a"), "names each word once"),
    ],
)
def test_a_broken_vocabulary_is_refused(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Vocabulary(words)


@pytest.mark.parametrize(
    ("caption", "tokens"),
    [
        ("a cat - or -- a dog", ["a", "cat", "or", "a", "dog"]),
        ("an x-ray , half-eaten .", ["an", "x-ray", "half-eaten"]),
        ("1/2 of 3.5 miles", ["1/2", "of", "3.5", "miles"]),
        ("They can't, won't", ["they", "ca", "n't", "wo", "n't"]),
        ("the dog\N{RIGHT SINGLE QUOTATION MARK}s toy", ["the", "dog", "'s", "toy"]),
        ("DON'T", ["do", "n't"]),
        ("naïve ÉCLAIR", ["naïve", "éclair"]),
        ("so on ...", ["so", "on"]),
        ("", []),
    ],
)
def test_the_harder_cases_are_split_so_too(caption: str, tokens: list[str]) -> None:
    assert tokenize(caption) == tokens


@pytest.mark.parametrize("min_count", [1, 2, 3, 4])
def test_a_word_is_known_from_min_count_on(min_count: int) -> None:
    captions = [["thrice", "twice", "once"], ["thrice", "twice"], ["thrice"]]
    known = Vocabulary.from_captions(captions, min_count).words[len(SPECIAL_WORDS) :]
    assert known == ("thrice", "twice", "once")[: max(0, 4 - min_count)]


def test_captions_without_unknown_words_survive_numbering() -> None:
    captions = [tokenize("The dog's ball isn't red"), tokenize("A black-and-white T-shirt")]
    vocabulary = Vocabulary.from_captions(captions, 1)
    for caption in captions:
        assert vocabulary.decode(vocabulary.encode(caption)[1:]) == caption


def test_a_special_word_cannot_be_counted_from_a_caption() -> None:
    captions = [tokenize("<start> a dog <end> <unk>")]
    assert Vocabulary.from_captions(captions, 1).words[len(SPECIAL_WORDS) :] == (
        "a",
        "dog",
        "end",
        "start",
        "unk",
    )


def test_letters_are_the_same_however_they_are_composed() -> None:
    assert tokenize("U\u0308ber dem Fluss") == tokenize("\u00dcber dem Fluss")
    assert tokenize("\u00dcber") == ["\u00fcber"]


def test_an_emoji_is_no_word() -> None:
    assert tokenize("I \u2764\ufe0f my dog") == ["i", "my", "dog"]
    assert tokenize("\u2764\ufe0f \u0301") == []


def test_vowels_that_are_characters_of_their_own_stay_in_their_word() -> None:
    caption = "\u090f\u0915 \u0932\u0921\u093c\u0915\u0940"  # Hindi: "a girl"
    assert tokenize(caption) == caption.split()
