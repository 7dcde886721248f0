"""A program of its own, so that no warning is of other runs in the same process.

It takes generated photos from `check` to an artifact, with an encoder that costs nothing.
"""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import REPOSITORY
from tests.training.commands.pipeline import cheapen, step
from tests.training.release.test_export import small_encoder

THINGS = ("dog", "cat", "bird", "boat", "tree")
PLACES = ("on a field", "near a house", "at the beach", "in the snow", "by the road")


def write_photos(root: Path, count: int) -> None:
    """Different photos with one caption each, and no split."""
    (root / "images").mkdir(parents=True)
    with (root / "captions.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "caption"])
        for i in range(count):
            noise = np.random.default_rng(i).integers(0, 256, (8, 8, 3), np.uint8)
            Image.fromarray(noise).resize((120, 90)).save(root / "images" / f"{i}.png")
            caption = f"A {THINGS[i % 5]} sits {PLACES[i // 5 % 5]} ."
            writer.writerow([f"images/{i}.png", caption])


def run_steps(folder: Path) -> None:
    """With the shipped configuration, but for its size."""
    data = ("--data", folder / "data", "--cache", folder / "cache")
    run = ("--run", folder / "run")
    config = ("--config", REPOSITORY / "training" / "configs" / "attention.toml")
    less = ("--epochs", "2", "--set", "decoder.units=16", "--set", "decoder.attention_units=8")
    step("check", folder / "data", "--sheet", folder / "sheet.png")
    step("features", *data)
    step("train", *data, *run, *config, *less)
    step("tune", *data, *run)
    step("evaluate", *data, *run)
    step("export", *run, "--name", "few", "--version", "1", "--output", folder / "artifact")


if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as monkeypatch:
        cheapen(monkeypatch)
        for module in ("models.extract", "release.export"):
            monkeypatch.setattr(f"training.{module}.load_encoder", small_encoder)
        run_steps(Path(sys.argv[1]))
