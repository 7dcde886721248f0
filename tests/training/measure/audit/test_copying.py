from training.measure.audit.copying import blocked, copying

TAUGHT = [["a", "dog", "runs", "in", "the", "green", "grass"], ["a", "cat"]]


def test_whole_captions_and_six_words_in_a_row_are_found() -> None:
    captions = [
        ["a", "dog", "runs", "in", "the", "green", "grass"],  # whole: both of its six words
        ["a", "dog", "runs", "in", "the", "green", "field"],  # one of two
        ["a", "cat", "sleeps"],
        ["a", "cat"],
    ]
    found = copying(captions, TAUGHT)
    assert found["verbatim"]["hits"] == 2
    assert found["with_six_words"]["hits"] == 2
    assert (found["grams"]["hits"], found["grams"]["of"]) == (3, 4)


def test_blocked_words_are_counted_by_category() -> None:
    found = blocked([["an", "asian", "man"], ["a", "half-naked", "man"], ["a", "black", "dog"]])
    assert found["captions"]["hits"] == 2
    assert found["categories"]["ethnicity"] == 1
    assert found["categories"]["religion"] == 0
