"""The command line: each step on a tiny collection, and mistakes told in one line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.training.test_features import cheap_encoder
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
    monkeypatch.setattr(caching, "load_encoder", cheap_encoder)
    for module in ("metrics", "evaluate"):  # METEOR takes seconds; test_evaluate.py has it
        monkeypatch.setattr(f"training.{module}.have_java", lambda: False)
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


def test_a_missing_data_set_ends_the_program_with_2_and_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "training", "features", "--data", str(tmp_path)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f"error: {tmp_path}/images is not a folder; put the photos there\n"
    assert done.stdout == ""


def test_mistakes_are_found_before_tensorflow_is_loaded(tmp_path: Path) -> None:
    check = (
        "import sys; from training.cli import main; "
        f"main(['features', '--data', {str(tmp_path)!r}]); "
        "sys.exit('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", check], cwd=REPOSITORY, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [[], ["fly"], ["train"], ["evaluate", "--run", "r", "--split", "validation"]],
    ids=lambda arguments: " ".join(arguments) or "nothing",
)
def test_a_wrong_command_line_shows_the_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage: python -m training" in capsys.readouterr().err
