"""Beam size and length penalty are chosen on dev, and only there."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.training.release.test_export import WORDS, write_run
from tests.training.shapes import CELLS, FEATURES
from training.data.dataset import Dataset
from training.data.features import FeatureCache
from training.measure.metrics import image_statistics
from training.measure.tune import BEAM_SIZES, LENGTH_PENALTIES, choose, tune
from training.models.model import Model
from training.optimize.run_folder import load_run, tuned_options
from training.search.generate import Beams, Generator, SearchOptions

pytestmark = pytest.mark.tensorflow

NAMES = tuple(f"{i}.jpg" for i in range(6))


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    captions: dict[str, tuple[str, ...]] = {
        name: (f"word{i} word{i + 1} word{i + 2}",) for i, name in enumerate(NAMES)
    }
    return Dataset({}, captions, {"train": NAMES[:1], "dev": NAMES[1:5], "test": NAMES[5:]})


@pytest.fixture
def features() -> FeatureCache:
    maps = np.random.default_rng(0).random((len(NAMES), 2, CELLS, FEATURES)).astype(np.float16)
    return FeatureCache(maps, {name: row for row, name in enumerate(NAMES)}, "imagenet")


def test_every_pair_is_tried_on_dev_and_the_choice_is_kept(
    dataset: Dataset, features: FeatureCache, tmp_path: Path
) -> None:
    write_run(tmp_path / "run", "attention")
    chosen = tune(dataset, features, tmp_path / "run")
    written = json.loads((tmp_path / "run" / "search.json").read_text())
    assert written["split"] == "dev"
    assert {(row["beam_size"], row["length_penalty"]) for row in written["tried"]} == {
        (beam_size, penalty) for beam_size in BEAM_SIZES for penalty in LENGTH_PENALTIES
    }
    assert choose(written["tried"]) == chosen
    assert tuned_options(tmp_path / "run") == chosen


def test_the_best_pair_is_chosen_and_of_equals_the_smallest_beam() -> None:
    tried = [
        {"beam_size": 1, "length_penalty": 0.0, "CIDEr": 50.0},
        {"beam_size": 9, "length_penalty": 0.9, "CIDEr": 54.9},
        {"beam_size": 3, "length_penalty": 0.5, "CIDEr": 54.6},
        {"beam_size": 3, "length_penalty": 0.7, "CIDEr": 54.9},
    ]
    assert choose(tried) == SearchOptions(beam_size=3, length_penalty=0.7)
    tried[1]["CIDEr"] = 55.0
    assert choose(tried) == SearchOptions(beam_size=9, length_penalty=0.9)


def test_a_tried_score_is_that_of_the_search_with_these_options(
    dataset: Dataset, features: FeatureCache, tmp_path: Path
) -> None:
    write_run(tmp_path / "run", "lstm")
    tune(dataset, features, tmp_path / "run")
    tried = json.loads((tmp_path / "run" / "search.json").read_text())["tried"]
    run = load_run(tmp_path / "run", "imagenet")
    options = SearchOptions(beam_size=5, length_penalty=1.3)
    captions = Generator(Model(run.decoder), run.rules, run.vocabulary).captions(
        features, dataset.splits["dev"], options, "dev"
    )
    score = image_statistics(captions, dataset.references("dev"), meteor=False).scores()["CIDEr"]
    row = next(row for row in tried if (row["beam_size"], row["length_penalty"]) == (5, 1.3))
    assert row["CIDEr"] == pytest.approx(score, abs=0.006)


def test_a_length_penalty_favours_longer_captions() -> None:
    beams = Beams(
        ["short", "a longer one"],
        np.array([-2.0, -3.0], np.float32),
        np.array([2, 4]),
        np.zeros((2, 4), np.float32),
        np.zeros((2, 4, 7, 7), np.float32),
    )
    assert beams.best(0.0) == "short"
    assert beams.best(1.0) == "a longer one"


def test_a_run_without_weights_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "run", "lstm")
    (tmp_path / "run" / "vocabulary.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"vocabulary\.txt is missing; train the run"):
        load_run(tmp_path / "run", "imagenet")


def test_a_loaded_run_has_its_words_and_shape(tmp_path: Path) -> None:
    write_run(tmp_path / "run", "attention")
    run = load_run(tmp_path / "run", "imagenet")
    assert run.vocabulary.words == WORDS
    assert run.decoder.embedding.shape == (len(WORDS), 16)
