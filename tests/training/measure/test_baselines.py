"""Captions that no decoder wrote."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.training.shapes import CELLS, FEATURES
from training.data.dataset import Dataset
from training.data.features import FeatureCache
from training.measure import evaluate, metrics
from training.measure.baselines import Baselines
from training.release.reproduce import write_baselines

pytestmark = pytest.mark.tensorflow

DOGS = tuple(f"dog{i}.jpg" for i in range(4))
BOATS = tuple(f"boat{i}.jpg" for i in range(4))


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    dogs = ("A dog runs on grass .", "A dog runs .", "A brown dog runs on the grass .")
    boats = ("A boat on the sea .", "The boat .", "A boat sails on the sea .")
    captions: dict[str, tuple[str, ...]] = {
        **dict.fromkeys(DOGS, dogs),
        **dict.fromkeys(BOATS, boats),
    }
    train = (*DOGS[:2], *BOATS[:3])
    return Dataset(
        {},
        captions,
        {"train": train, "dev": (DOGS[2],), "test": (BOATS[3], DOGS[3])},
    )


@pytest.fixture
def features(dataset: Dataset) -> FeatureCache:
    """Dogs look like dogs and boats like boats; mirrored photos like nothing."""
    maps = np.zeros((len(dataset.names), 2, CELLS, FEATURES), np.float16)
    random = np.random.default_rng(0)
    for row, name in enumerate(dataset.names):
        maps[row, 0, :, int(name.startswith("dog"))] = 1 + 0.1 * random.random(CELLS)
    maps[:, 1] = np.nan
    rows = {name: row for row, name in enumerate(dataset.names)}
    return FeatureCache(maps, rows, "imagenet")


def test_neighbours_lend_their_most_typical_caption(
    dataset: Dataset, features: FeatureCache
) -> None:
    captions = Baselines(dataset, features).neighbours("test", 2)
    assert list(captions) == list(dataset.splits["test"])
    assert "boat" in captions[BOATS[3]]
    assert "dog" in captions[DOGS[3]]
    written = {" ".join(each) for name in dataset.splits["train"] for each in dataset.tokens(name)}
    assert set(captions.values()) <= written


def test_one_caption_serves_every_photo(dataset: Dataset, features: FeatureCache) -> None:
    captions = Baselines(dataset, features).constant("test")
    assert set(captions) == set(dataset.splits["test"])
    (caption,) = set(captions.values())
    assert "boat" in caption  # three photos of five


def test_the_number_of_neighbours_is_chosen_on_dev(
    dataset: Dataset, features: FeatureCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.measure.baselines.NEIGHBOURS", (2, 5))
    assert Baselines(dataset, features).best_count() == 2


def test_both_are_evaluated_as_runs_of_their_own(
    dataset: Dataset, features: FeatureCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "have_java", lambda: False)
    monkeypatch.setattr(evaluate, "have_java", lambda: False)
    write_baselines(dataset, features, tmp_path / "runs")
    for name in ("constant", "neighbours"):
        result = json.loads((tmp_path / "runs" / name / "test.json").read_text())
        assert result["images"] == 2
        assert "training" in result["method"]
        assert (tmp_path / "runs" / name / "test-statistics.npz").is_file()
