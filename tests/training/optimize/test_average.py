"""The mean of runs that began together."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.training.conftest import random_features, write_dataset
from tests.training.optimize.small import small, train
from training.cli import main
from training.data.dataset import Dataset
from training.data.features import FeatureCache
from training.data.load import load_dataset
from training.optimize.average import average
from training.optimize.inputs import Inputs
from training.optimize.run_folder import load_run

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two short runs that went on from a third."""
    root = tmp_path_factory.mktemp("trained")
    dataset = load_dataset(write_dataset(root / "tiny"))
    features = random_features(dataset)
    base = root / "base"
    train(small("lstm", epochs=1), Inputs(dataset, features, "imagenet"), base, resume=False)
    inputs = Inputs(dataset, features, "imagenet", start=base)
    for seed in (1, 2):
        config = small("lstm", epochs=1, seed=seed)
        train(config, inputs, root / f"run-{seed}", resume=False)
    return root


@pytest.fixture
def runs(trained: Path, tmp_path: Path) -> list[Path]:
    """Copies, beside which is that of the run they began with."""
    for run in ("base", "run-1", "run-2"):
        shutil.copytree(trained / run, tmp_path / run)
    return [tmp_path / "run-1", tmp_path / "run-2"]


def test_an_average_is_a_run_whose_weights_are_the_mean(
    runs: list[Path], tmp_path: Path, dataset: Dataset, features: FeatureCache
) -> None:
    given = (dataset, features)
    average(runs, tmp_path / "mean")
    one, other, mean = (load_run(run, "imagenet") for run in (*runs, tmp_path / "mean"))
    weights = zip(*(run.decoder.get_weights() for run in (one, other, mean)), strict=True)
    differences = []
    for a, b, middle in weights:
        np.testing.assert_allclose(middle, (a + b) / 2, atol=1e-6)
        differences.append(np.abs(a - b).max())
    assert max(differences) > 0.001
    assert mean.vocabulary.words == one.vocabulary.words
    before = (tmp_path / "mean" / "best.weights.h5").read_bytes()
    with pytest.raises(FileExistsError, match="holds a run"):
        train(small("lstm"), Inputs(*given, "imagenet"), tmp_path / "mean", resume=False)
    assert (tmp_path / "mean" / "best.weights.h5").read_bytes() == before
    assert [each["run"] for each in mean.described["average_of"]] == ["run-1", "run-2"]


def test_a_run_can_be_averaged_with_the_one_it_began_with(runs: list[Path], tmp_path: Path) -> None:
    given = ("average", tmp_path / "base", runs[0], "--run", tmp_path / "mean")
    assert main([str(each) for each in given]) == 0
    folders = (tmp_path / "base", runs[0], tmp_path / "mean")
    one, other, mean = (load_run(run, "imagenet").decoder.get_weights() for run in folders)
    for a, b, middle in zip(one, other, mean, strict=True):
        np.testing.assert_allclose(middle, (a + b) / 2, atol=1e-6)


def test_runs_of_other_words_are_not_averaged(runs: list[Path], tmp_path: Path) -> None:
    words = (runs[1] / "vocabulary.txt").read_text().splitlines()
    (runs[1] / "vocabulary.txt").write_text("".join(f"{word}\n" for word in [*words[:-1], "zebra"]))
    with pytest.raises(ValueError, match="another vocabulary"):
        average(runs, tmp_path / "mean")


def test_an_average_takes_the_tuned_stage_of_the_encoder_along(
    runs: list[Path], tmp_path: Path
) -> None:
    for run in runs:
        (run / "encoder-stage.weights.h5").write_bytes(b"the same start, so the same stage")
    average(runs, tmp_path / "mean")
    assert (tmp_path / "mean" / "encoder-stage.weights.h5").is_file()


def test_runs_of_other_beginnings_are_not_averaged(runs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="began with the same run"):
        average([tmp_path / "base", tmp_path / "base"], tmp_path / "mean")
    described = json.loads((runs[1] / "config.json").read_text())
    described["start"]["weights"] = "another"
    (runs[1] / "config.json").write_text(json.dumps(described))
    with pytest.raises(ValueError, match="another start"):
        average(runs, tmp_path / "mean")
    shutil.rmtree(runs[1])
    with pytest.raises(FileNotFoundError):
        average(runs, tmp_path / "mean")
