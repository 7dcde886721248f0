from pathlib import Path

import numpy as np
import pytest
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.meteor.meteor import Meteor
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

from training.data.text import SPECIAL_WORDS, Vocabulary, tokenize
from training.measure.metrics import bootstrap, have_java, image_statistics, tokenized

pytestmark = pytest.mark.tensorflow

needs_java = pytest.mark.skipif(not have_java(), reason="needs Java; install a JRE")

WORDS = "a dog cat runs sleeps on the grass snow red small and with ball two".split()


def captions(count: int, seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, random.integers(3, 9))) for _ in range(count)]


IMAGES = [f"{i}.jpg" for i in range(20)]
REFERENCES = {name: captions(5, i + 1) for i, name in enumerate(IMAGES)}
# Nearly one of the references: some words more, and some other words.
HYPOTHESES = {
    name: f"{REFERENCES[name][i % 5]} {WORDS[i % len(WORDS)]} {WORDS[i % 3]}"
    for i, name in enumerate(IMAGES)
}
GUESSES = {name: [caption] for name, caption in HYPOTHESES.items()}


def test_scores_are_those_of_pycocoevalcap() -> None:
    scores = image_statistics(HYPOTHESES, REFERENCES, meteor=False).scores()
    bleu, _ = Bleu().compute_score(REFERENCES, GUESSES, verbose=0)
    for n, expected in enumerate(bleu, start=1):
        assert scores[f"BLEU-{n}"] == pytest.approx(100 * expected, abs=1e-6)
    assert scores["CIDEr"] == pytest.approx(100 * Cider().compute_score(REFERENCES, GUESSES)[0])
    assert scores["ROUGE-L"] == pytest.approx(100 * Rouge().compute_score(REFERENCES, GUESSES)[0])
    assert scores["BLEU-4"] > 0


@needs_java
def test_meteor_is_that_of_pycocoevalcap() -> None:
    scores = image_statistics(HYPOTHESES, REFERENCES, meteor=True).scores()
    scorer = Meteor()
    expected, _ = scorer.compute_score(REFERENCES, GUESSES)
    scorer.meteor_p.stdout.close()
    scorer.meteor_p.stderr.close()
    assert scores["METEOR"] == pytest.approx(100 * expected)


@needs_java
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\v", "\f", "\x85", "\u2028", "\u2029"])
def test_a_caption_of_several_lines_is_one(end: str) -> None:
    given = {"a": [f"a dog{end}on grass."], "b": ["a cat on snow", "two cats"], "c": ["a car"]}
    assert tokenized(given) == {
        "a": ["a dog on grass"],
        "b": ["a cat on snow", "two cats"],
        "c": ["a car"],
    }


def test_scores_of_some_images_count_repeated_ones_again() -> None:
    statistics = image_statistics(HYPOTHESES, REFERENCES, meteor=False)
    doubled = statistics.scores(np.array([*range(20), *range(20)]))
    assert doubled == pytest.approx(statistics.scores())
    one = statistics.scores(np.array([3]))
    assert one["CIDEr"] == pytest.approx(100 * statistics.means["CIDEr"][3])


def test_the_bootstrap_holds_the_score_and_repeats_itself() -> None:
    statistics = image_statistics(HYPOTHESES, REFERENCES, meteor=False)
    intervals = bootstrap(statistics, samples=200)
    for name, score in statistics.scores().items():
        low, high = intervals[name]
        assert low < high
        assert low <= score <= high
    assert intervals == bootstrap(statistics, samples=200)


def test_more_images_make_a_narrower_interval() -> None:
    statistics = image_statistics(HYPOTHESES, REFERENCES, meteor=False)
    few = bootstrap(statistics, samples=300)["CIDEr"]
    many = image_statistics(
        {f"{i}{name}": caption for name, caption in HYPOTHESES.items() for i in range(9)},
        {f"{i}{name}": group for name, group in REFERENCES.items() for i in range(9)},
        meteor=False,
    )
    narrow = bootstrap(many, samples=300)["CIDEr"]
    assert narrow[1] - narrow[0] < 0.6 * (few[1] - few[0])


def test_special_words_would_raise_bleu_so_decoding_leaves_them_out() -> None:
    vocabulary = Vocabulary((*SPECIAL_WORDS, *WORDS))
    decoded = {
        name: " ".join(vocabulary.decode(vocabulary.encode(caption.split())))
        for name, caption in HYPOTHESES.items()
    }
    assert decoded == HYPOTHESES
    marked = image_statistics(
        {name: f"<start> {caption} <end>" for name, caption in HYPOTHESES.items()},
        {name: [f"<start> {each} <end>" for each in group] for name, group in REFERENCES.items()},
        meteor=False,
    ).scores()
    honest = image_statistics(HYPOTHESES, REFERENCES, meteor=False).scores()
    assert marked["BLEU-1"] > honest["BLEU-1"]


@needs_java
def test_our_tokeniser_splits_as_the_official_one() -> None:
    raw = [
        "A dog runs through the grass .",
        "Two men don't play; they're sitting, talking!",
        'The boy\'s T-shirt says "STOP" in red letters',
        "A black-and-white dog isn't swimming: it sleeps",
        "Children can't see what's behind the girls' tent .",
    ]
    official = PTBTokenizer().tokenize({str(i): [{"caption": c}] for i, c in enumerate(raw)})
    assert [" ".join(tokenize(each)) for each in raw] == [
        official[str(i)][0] for i in range(len(raw))
    ]
    given = {str(i): [each] for i, each in enumerate(raw)}
    assert tokenized(given) == official


def test_captions_of_other_images_than_the_references_are_refused() -> None:
    with pytest.raises(ValueError, match=r"different images, first 0\.jpg"):
        image_statistics({}, {"0.jpg": ["a dog"]}, meteor=False)


def scored(hypotheses: dict[str, str], references: dict[str, list[str]]) -> dict[str, float]:
    return image_statistics(hypotheses, references, meteor=False).scores()


def test_a_reference_given_back_scores_as_high_as_can_be() -> None:
    captions = {"a": "one dog runs very fast", "b": "two cats sleep all day", "c": "red balls fly"}
    scores = scored(captions, {name: [caption] for name, caption in captions.items()})
    for name in ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L"):
        assert scores[name] == pytest.approx(100)
    # CIDEr-D is 10 for an image, as no n-gram is in all of them; "red balls fly" has no 4-gram.
    assert scores["CIDEr"] == pytest.approx(100 * (10 + 10 + 7.5) / 3)


def test_captions_without_a_right_word_score_nothing() -> None:
    scores = scored({"a": "one dog", "b": "two cats"}, {"a": ["red balls fly"], "b": ["a sky"]})
    assert all(score == pytest.approx(0, abs=1e-6) for score in scores.values())


def test_bleu_is_that_computed_by_hand() -> None:
    # Clipped, "the" is right twice of four; pairs: 0 of 3. Four words of five: exp(1 - 5 / 4).
    scores = scored({"a": "the the the the"}, {"a": ["the cat and the dog"]})
    assert scores["BLEU-1"] == pytest.approx(100 * np.exp(1 - 5 / 4) * 2 / 4)
    assert scores["BLEU-2"] == pytest.approx(0, abs=1e-3)


def test_an_empty_caption_counts_as_a_bad_one() -> None:
    references = {"a": ["a cat sits there"], "b": ["a dog runs on grass"]}
    good = scored({"a": "a cat sits there", "b": "a dog runs on grass"}, references)
    half = scored({"a": "", "b": "a dog runs on grass"}, references)
    assert half["BLEU-4"] == pytest.approx(100 * np.exp(1 - 9 / 5))
    assert half["ROUGE-L"] == pytest.approx(good["ROUGE-L"] / 2)
    assert half["CIDEr"] == pytest.approx(good["CIDEr"] / 2)


def test_another_seed_makes_another_interval() -> None:
    statistics = image_statistics(HYPOTHESES, REFERENCES, meteor=False)
    first, second = (bootstrap(statistics, samples=50, seed=seed) for seed in (1, 2))
    assert first["CIDEr"] != second["CIDEr"]


def test_references_of_an_image_without_a_caption_are_refused() -> None:
    with pytest.raises(ValueError, match=r"different images, first 1\.jpg"):
        image_statistics({"0.jpg": "a dog", "1.jpg": "a cat"}, {"0.jpg": ["a dog"]}, meteor=False)


def test_without_java_our_tokeniser_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.measure.metrics.have_java", lambda: False)
    assert tokenized({"a": ["A dog's T-shirt .", "It isn't."]}) == {
        "a": ["a dog 's t-shirt", "it is n't"]
    }


def test_java_is_looked_for_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not have_java()
    (tmp_path / "java").touch(mode=0o755)
    assert have_java()
