"""The command line: each step on a tiny collection, and mistakes told in one line."""

import json
from pathlib import Path

import pytest

from tests.training.test_features import CheapEncoder
from training import features as caching
from training.cli import main

pytestmark = pytest.mark.tensorflow

CONFIG = """
min_count = 1
epochs = 1
[decoder]
architecture = "lstm"
units = 16
"""


def test_steps_follow_one_another_from_photos_to_scores(
    dataset_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(caching, "load_encoder", lambda weights: CheapEncoder())
    (tmp_path / "small.toml").write_text(CONFIG)
    run = tmp_path / "run"
    data = ["--data", str(dataset_root), "--cache", str(tmp_path / "cache")]
    assert main(["features", *data]) == 0
    assert "4 train, 1 dev, 1 test" in capsys.readouterr().out
    train = ["train", *data, "--run", str(run), "--config", str(tmp_path / "small.toml")]
    assert main(train) == 0
    assert main(["tune", *data, "--run", str(run)]) == 0
    assert main(["evaluate", *data, "--run", str(run)]) == 0
    assert "| CIDEr |" in capsys.readouterr().out
    assert json.loads((run / "test.json").read_text())["images"] == 1
    assert len(json.loads((run / "test-captions.json").read_text())) == 1
    assert main(train) == 2
    assert "--resume" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["features", "--data", "nowhere"], "nowhere/images is not a folder"),
        (["train", "--run", "r", "--config", "missing.toml"], "missing.toml"),
        (["export", "--run", "none", "--name", "n", "--version", "1"], "train the run first"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1
