import math

import pytest

from training.data.ngrams import Rarity, consensus, grams

CAPTIONS = {
    "a.jpg": [["a", "dog", "runs"], ["a", "dog"]],
    "b.jpg": [["a", "cat"]],
    "c.jpg": [["a", "dog", "and", "a", "cat"]],
}


def test_n_grams_of_every_order_are_counted() -> None:
    assert grams(["a", "dog", "a", "dog"]) == {
        ("a",): 2,
        ("dog",): 2,
        ("a", "dog"): 2,
        ("dog", "a"): 1,
        ("a", "dog", "a"): 1,
        ("dog", "a", "dog"): 1,
        ("a", "dog", "a", "dog"): 1,
    }
    assert not grams([])


def test_an_n_gram_is_rare_by_the_photos_it_stands_in() -> None:
    vectors = Rarity(CAPTIONS).vectors(["a", "dog", "zebra"])
    assert vectors.weights[0] == pytest.approx(
        {("a",): 0.0, ("dog",): math.log(3 / 2), ("zebra",): math.log(3)}
    )
    assert vectors.norms[0] == pytest.approx(math.hypot(math.log(3 / 2), math.log(3)))
    assert vectors.length == 2
    assert vectors.weights[3] == {}


def test_the_caption_most_like_all_others_has_the_greatest_consensus() -> None:
    captions = ["a dog runs home", "a dog runs fast", "the dog runs fast", "two men sing songs"]
    rarity = Rarity({str(i): [each.split()] for i, each in enumerate(captions)})
    scores = consensus(rarity.vectors(each.split()) for each in captions)
    assert max(scores) == scores[1]
    assert min(scores) == scores[3]


def test_consensus_is_the_mean_cosine_similarity() -> None:
    words = [["red", "dog"], ["red", "cat"], ["blue", "cat"]]
    rarity = Rarity({str(i): [each] for i, each in enumerate(words)})
    vectors = [rarity.vectors(each) for each in words]

    def cosine(one: int, other: int, order: int) -> float:
        mine, theirs = vectors[one], vectors[other]
        norm = mine.norms[order] * theirs.norms[order]
        shared = mine.weights[order].keys() & theirs.weights[order].keys()
        product = sum(mine.weights[order][g] * theirs.weights[order][g] for g in shared)
        return product / norm if norm else 0.0

    expected = [
        sum(cosine(one, other, order) for other in range(3) for order in range(4)) / 12
        for one in range(3)
    ]
    assert consensus(vectors) == pytest.approx(expected)


def test_a_caption_without_words_is_like_none() -> None:
    rarity = Rarity({"a": [["red"]], "b": [["blue"]]})
    assert consensus([rarity.vectors([]), rarity.vectors(["red"])])[0] == 0
