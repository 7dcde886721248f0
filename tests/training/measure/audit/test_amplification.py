from training.measure.audit.amplification import LEAST, amplification


def test_a_word_said_of_men_more_often_than_in_training_is_amplified() -> None:
    man, woman = ["a", "man", "on", "a", "bike"], ["a", "woman", "on", "a", "bike"]
    taught = [man] * 15 + [woman] * 5
    found = amplification([man] * LEAST, taught)
    assert found["words"]["bike"]["training"]["share"] == 0.75
    assert found["words"]["bike"]["amplification"] == 0.25
    assert found["mean"] == 0.25
    assert found["words_in_mean"] == 1


def test_a_word_of_women_is_amplified_when_fewer_men_are_named() -> None:
    man, woman = ["man", "in", "pink"], ["woman", "in", "pink"]
    found = amplification([woman] * LEAST, [man] * 5 + [woman] * 15)
    assert found["words"]["pink"]["amplification"] == 0.25


def test_rare_words_and_captions_of_both_do_not_count() -> None:
    both = ["man", "and", "woman", "dancing"]
    found = amplification([both] * 20, [both] * 20)
    assert found["words"]["dancing"]["training"]["of"] == 0
    assert found["mean"] is None
