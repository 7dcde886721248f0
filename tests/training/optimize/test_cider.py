"""The reward against pycocoevalcap's CIDEr-D, and by hand."""

import numpy as np
import pytest
from pycocoevalcap.cider.cider import Cider

from training.optimize.cider import CiderReward, advantages

REFERENCES = {
    "a.jpg": ["a dog runs in the grass", "a brown dog runs", "the dog is running fast today"],
    "b.jpg": ["two men play soccer", "men play football on a field", "two men on a field"],
    "c.jpg": ["a girl sits on a swing", "a child swings", "a girl on a swing in the grass"],
    "d.jpg": ["a dog swims", "a brown dog in the water", "the wet dog"],
}
CAPTIONS = {
    "a.jpg": "a brown dog runs in the grass",
    "b.jpg": "two men play on a field of grass",
    "c.jpg": "a girl a girl a girl",
    "d.jpg": "two zebras",
}


def split(references: dict[str, list[str]]) -> dict[str, list[list[str]]]:
    return {name: [each.split() for each in group] for name, group in references.items()}


def test_it_is_cider_d_where_pycocoevalcap_can_compute_it() -> None:
    """There the photos scored are those the frequencies come from."""
    hypotheses = {name: [caption] for name, caption in CAPTIONS.items()}
    expected = np.asarray(Cider().compute_score(REFERENCES, hypotheses)[1])
    reward = CiderReward(split(REFERENCES))
    found = [reward.score(name, CAPTIONS[name].split()) for name in REFERENCES]
    assert found[0] > 1
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_a_caption_cut_short_loses_by_its_missing_end() -> None:
    with_ends = {n: [[*each, "<end>"] for each in g] for n, g in split(REFERENCES).items()}
    reward = CiderReward(with_ends)
    cut = reward.score("d.jpg", "a brown dog in the".split())
    unfinished = reward.score("d.jpg", "a brown dog in the water".split())
    whole = reward.score("d.jpg", "a brown dog in the water <end>".split())
    assert cut < unfinished < whole


def test_words_of_other_photos_are_worth_less_than_one_s_own() -> None:
    reward = CiderReward(split(REFERENCES))
    assert reward.score("c.jpg", ["swing"]) > reward.score("c.jpg", ["a"])
    assert reward.score("c.jpg", ["soccer"]) == 0
    assert reward.score("c.jpg", []) == 0


def test_an_advantage_is_the_lead_over_the_other_samples() -> None:
    rewards = np.array([[1, 2, 6], [3, 3, 3]], np.float32)
    expected = [[1 - 4, 2 - 3.5, 6 - 1.5], [0, 0, 0]]
    assert advantages(rewards).tolist() == expected


def test_advantages_of_an_image_sum_to_nothing() -> None:
    random = np.random.default_rng(0).random((7, 5)).astype(np.float32)
    assert advantages(random).sum(axis=1) == pytest.approx(np.zeros(7), abs=1e-5)
