"""Known captions must get known scores, and the table must say what was measured."""

from dataclasses import replace
from pathlib import Path

import pytest

from training.data.dataset import Dataset
from training.measure import evaluate, metrics
from training.measure.evaluate import evaluate_captions, markdown, variety

pytestmark = pytest.mark.tensorflow

CAPTIONS: dict[str, tuple[str, ...]] = {
    "a.jpg": ("A dog runs in the grass .", "A brown dog runs through grass.", "The dog is running"),
    "b.jpg": ("Two men don't play soccer .", "Men play football .", "Two men on a field ."),
    "c.jpg": ("A girl, smiling, sits on a swing", "A child swings .", "A girl on a swing ."),
}


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    train = {"t.jpg": ("A dog runs in the grass .", "A cat .")}
    return Dataset({}, CAPTIONS | train, {"train": ("t.jpg",), "dev": (), "test": tuple(CAPTIONS)})


@pytest.fixture(autouse=True)
def no_java(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """METEOR takes seconds to start; only the test about it does."""
    if "java" not in request.node.name:
        monkeypatch.setattr(metrics, "have_java", lambda: False)
        monkeypatch.setattr(evaluate, "have_java", lambda: False)


def score(result: dict[str, object], name: str) -> float:
    scores = result["scores"]
    assert isinstance(scores, dict)
    return float(scores[name]["score"])


def test_a_reference_given_back_scores_100(dataset: Dataset) -> None:
    captions = {
        "a.jpg": "a dog runs in the grass",
        "b.jpg": "two men do n't play soccer",
        "c.jpg": "a girl on a swing",
    }
    result, _ = evaluate_captions(captions, dataset, "test")
    for name in ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L"):
        assert score(result, name) == pytest.approx(100)
    assert result["scores"]["BLEU-4"]["interval"] == [100, 100]


def test_foreign_words_score_nothing(dataset: Dataset) -> None:
    result, _ = evaluate_captions(dict.fromkeys(CAPTIONS, "xyzzy plugh"), dataset, "test")
    for name in ("BLEU-1", "BLEU-4", "ROUGE-L", "CIDEr"):
        assert score(result, name) == pytest.approx(0, abs=1e-3)


def test_scores_are_those_computed_by_hand(dataset: Dataset) -> None:
    captions = {"a.jpg": "a dog runs fast", "b.jpg": "two men", "c.jpg": "a girl on the swing"}
    result, _ = evaluate_captions(captions, dataset, "test")
    # 9 of 11 words are right, 6 of 8 pairs (a dog, dog runs, two men, a girl, girl on; not
    # "runs fast", "on the", "the swing"): 5 of 8; the closest references have 4, 5 (tie: 3 and
    # 5 for the two words goes to 3) and 5 words.
    brevity = 2.718281828 ** min(0.0, 1 - (4 + 3 + 5) / 11)
    assert score(result, "BLEU-1") == pytest.approx(100 * brevity * 9 / 11, abs=0.01)
    assert score(result, "BLEU-2") == pytest.approx(
        100 * brevity * (9 / 11 * 5 / 8) ** 0.5, abs=0.01
    )


@pytest.mark.skipif(not metrics.have_java(), reason="METEOR needs Java; install a JRE")
def test_with_java_meteor_is_reported_and_the_official_tokeniser_used(dataset: Dataset) -> None:
    captions = {name: group[0] for name, group in CAPTIONS.items()}
    result, _ = evaluate_captions(captions, dataset, "test")
    assert result["tokenizer"] == "PTB (Java)"
    assert score(result, "METEOR") == pytest.approx(100, abs=0.5)


def test_the_other_scores_need_no_tool_from_outside(dataset: Dataset) -> None:
    result, _ = evaluate_captions(dict.fromkeys(CAPTIONS, "a dog"), dataset, "test")
    assert result["tokenizer"] == "training.data.text"
    assert list(result["scores"]) == [name for name in evaluate.SCORES if name != "METEOR"]


def test_captions_without_a_word_are_no_references(dataset: Dataset) -> None:
    captions = {name: group[0] for name, group in CAPTIONS.items()}
    expected, _ = evaluate_captions(captions, dataset, "test")
    more = {name: (*group, "...", "") for name, group in dataset.captions.items()}
    result, _ = evaluate_captions(captions, replace(dataset, captions=more), "test")
    assert result["scores"] == expected["scores"]
    assert result["references_per_image"] == 3


def test_every_score_lies_in_its_interval(dataset: Dataset) -> None:
    captions = {"a.jpg": "a dog runs", "b.jpg": "two men on a field", "c.jpg": "a swing"}
    result, _ = evaluate_captions(captions, dataset, "test")
    for name, each in result["scores"].items():
        low, high = each["interval"]
        assert low <= each["score"] <= high, name


def test_variety_counts_repeats_and_copies(dataset: Dataset) -> None:
    captions = {
        "a.jpg": "a dog runs in the grass",
        "b.jpg": "a dog runs in the grass",
        "c.jpg": "a girl swings",
    }
    assert variety(captions, dataset) == {
        "distinct_captions": 2,
        "distinct_share": 0.6667,
        "vocabulary_used": 8,
        "copied_from_training_share": 0.6667,
        "mean_length": 5.0,
        "dangling_endings": 0,
        "repeated_trigrams": 0,
    }


def test_endings_dangle_by_the_words_that_a_model_may_not_end_on(dataset: Dataset) -> None:
    captions = {"a.jpg": "a dog in white", "b.jpg": "a girl on a", "c.jpg": ""}
    assert variety(captions, dataset, {"a", "on"})["dangling_endings"] == 1
    assert variety(captions, dataset, {"a", "white"})["dangling_endings"] == 2


def test_captions_of_other_images_are_refused(dataset: Dataset) -> None:
    with pytest.raises(ValueError, match=r"different images, first [abc]\.jpg"):
        evaluate_captions({"a.jpg": "a dog"}, dataset, "test")


def test_the_table_gives_scores_and_intervals(dataset: Dataset) -> None:
    result = {
        "run": "mine",
        "split": "test",
        "search": {"beam_size": 4, "length_penalty": 0.5},
    } | evaluate_captions(dict.fromkeys(CAPTIONS, "a dog"), dataset, "test")[0]
    text = markdown(result)
    assert "# mine on test" in text
    assert "beam 4, length penalty 0.5" in text
    assert f"| CIDEr | {score(result, 'CIDEr'):.1f} |" in text
    assert "33.3% distinct captions" in text
