"""From each format of data, and from little of it, to captions by the service."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from service.engine.manifest import load_manifest
from tests.conftest import REPOSITORY
from tests.training.commands.few_photos import write_photos
from tests.training.commands.pipeline import CONFIG, cheapen, serve, step
from tests.training.formats import WRITERS
from tests.training.release.test_export import small_encoder

pytestmark = pytest.mark.tensorflow


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    cheapen(monkeypatch)
    for module in ("models.extract", "release.export"):
        monkeypatch.setattr(f"training.{module}.load_encoder", small_encoder)


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_a_format_goes_from_files_to_captions_by_the_service(name: str, tmp_path: Path) -> None:
    root, run, artifact = tmp_path / "data", tmp_path / "run", tmp_path / "artifact"
    root.mkdir()
    WRITERS[name](root)
    (tmp_path / "small.toml").write_text(CONFIG)
    data = ("--data", root, "--cache", tmp_path / "cache")
    step("check", root, "--min-count", "1", "--sheet", tmp_path / "sheet.png")
    step("features", *data)
    tiny = ("--set", "decoder.architecture=lstm", "--set", "decoder.units=8")
    step("train", *data, "--run", run, "--config", tmp_path / "small.toml", *tiny)
    step("tune", *data, "--run", run)
    step("evaluate", *data, "--run", run)
    step("export", "--run", run, "--name", "mine", "--version", "1", "--output", artifact)
    photo = next(path for path in root.rglob("p5.png"))
    assert serve(artifact, photo).caption
    counts = load_manifest(artifact).provenance["training"]["data"]
    assert counts["photos"] == {"train": 4, "dev": 1, "test": 1}
    card = (artifact / "MODEL_CARD.md").read_text()
    assert "| train | 4 | 8 |" in card
    assert "Flickr8k" not in card


def test_fifty_photos_with_one_caption_each_train_and_export_without_a_warning(
    tmp_path: Path,
) -> None:
    write_photos(tmp_path / "data", 50)
    # pytest's own setting: errors, but for what Keras does with NumPy 2.
    ignored = "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
    command = [sys.executable, "-W", "error", "-W", ignored]
    done = subprocess.run(
        [*command, "-m", "tests.training.commands.few_photos", str(tmp_path)],
        cwd=REPOSITORY,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert re.search(r"[34]\d train, \d dev, \d test", done.stdout)
    # TensorFlow says this itself where its log goes to standard error.
    understood = "All log messages before absl::InitializeLog() is called"
    lines = (done.stdout + done.stderr).splitlines()
    assert [line for line in lines if "warning" in line.lower() and understood not in line] == []
    assert serve(tmp_path / "artifact", tmp_path / "data" / "images" / "0.png").caption
