from training.measure.audit.neutral import neutral_cost

REFERENCES = {
    "a": [["a", "man", "rides", "a", "bike"], ["a", "man", "on", "a", "bike"]],
    "b": [["a", "girl", "eats", "an", "apple"], ["a", "girl", "with", "an", "apple"]],
}
SEEN = {"a": ["a", "man", "rides", "a", "bike"], "b": ["a", "girl", "eats", "an", "apple"]}


def test_neutral_captions_are_scored_against_neutral_references() -> None:
    reworded = {
        "a": ["a", "person", "rides", "a", "bike"],
        "b": ["a", "child", "eats", "an", "apple"],
    }
    found = neutral_cost(SEEN, reworded, REFERENCES, meteor=False)
    assert found["scores"]["BLEU-4"]["score"] == 100.0
    assert found["difference"]["BLEU-4"]["difference"] == 0.0
    assert found["gendered"]["hits"] == 0


def test_gendered_words_that_are_left_are_counted_and_cost_scores() -> None:
    found = neutral_cost(SEEN, SEEN, REFERENCES, meteor=False)
    assert found["gendered"]["hits"] == 2
    assert found["difference"]["BLEU-1"]["difference"] < 0
