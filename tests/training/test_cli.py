"""The command line: each step on a tiny collection, and mistakes told in one line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.training.models.test_extract import cheap_encoder
from training.cli import main
from training.commands import data, training
from training.measure import try_out
from training.models import extract

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
    monkeypatch.setattr(extract, "load_encoder", cheap_encoder)
    monkeypatch.setattr(try_out, "load_encoder", cheap_encoder)
    for module in ("metrics", "evaluate"):  # METEOR takes seconds; test_evaluate.py has it
        monkeypatch.setattr(f"training.measure.{module}.have_java", lambda: False)
    (tmp_path / "small.toml").write_text(CONFIG)
    run = tmp_path / "run"
    given = ["--data", str(dataset_root), "--cache", str(tmp_path / "cache")]
    assert main(["features", *given]) == 0
    assert "4 train, 1 dev, 1 test" in capsys.readouterr().out
    train = ["train", *given, "--run", str(run), "--config", str(tmp_path / "small.toml")]
    assert main(train) == 0
    capsys.readouterr()
    photo = str(dataset_root / "images" / "red.png")
    assert main(["caption", "--run", str(run), photo]) == 0
    assert capsys.readouterr().out.startswith(f"{photo}: ")
    assert main(["tune", *given, "--run", str(run)]) == 0
    assert main(["evaluate", *given, "--run", str(run)]) == 0
    assert "| CIDEr |" in capsys.readouterr().out
    assert json.loads((run / "test.json").read_text())["images"] == 1
    assert len(json.loads((run / "test-captions.json").read_text())) == 1
    assert main(train) == 2
    assert "--resume" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["features", "--data", "nowhere"], "nowhere does not exist"),
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


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (["train", "--run", "runs/mine", "--config", "c.toml"], "--resume continues runs/mine"),
        (["features"], "the same command again keeps what was finished"),
    ],
)
def test_a_stop_is_one_line_that_says_how_to_resume(
    step: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def stop(options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "_train", stop)
    monkeypatch.setattr(data, "_features", stop)
    assert main(step) == 130
    error = capsys.readouterr().err
    assert said in error
    assert error.strip().count("\n") == 0


def test_the_help_explains_the_steps_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    explained = capsys.readouterr().out.partition("in their order")[2]
    steps = ["check", "features", "train", "caption", "tune", "evaluate", "calibrate", "export"]
    places = [explained.index(f"  {step} ") for step in steps]
    assert places == sorted(places)


def test_what_is_set_must_have_a_value(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", "--run", "r", "--config", "c.toml", "--set", "epochs"]
    assert main(command) == 2
    assert "--set epochs: write KEY=VALUE" in capsys.readouterr().err


def test_a_missing_data_set_ends_the_program_with_2_and_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "training", "features", "--data", str(tmp_path)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        f"error: {tmp_path}: no captions found; give captions.txt, captions.csv, metadata.jsonl, "
        "dataset_*.json or annotations/captions_*.json "
        "(flickr8k, coco, karpathy, csv, imagefolder, photos)\n"
    )
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
