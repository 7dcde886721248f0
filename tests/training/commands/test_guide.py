"""A model that reads tags, from its data to captions by the service, with a guided search."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.engine.manifest import load_manifest
from tests.training.commands.pipeline import cheapen, serve, step
from tests.training.release.test_export import small_encoder
from training.release.card_facts import NOT_SCORED

pytestmark = pytest.mark.tensorflow

TAGS = "min_count = 1\ntag_photos = 3\n"
TRAIN = """
min_count = 1
epochs = 1
batch_images = 16
[decoder]
architecture = "tagged-attention"
units = 16
attention_units = 8
"""
PEOPLE = ("man", "woman", "boy", "girl")
THINGS = ("dog", "cat")


def write_data(root: Path, count: int = 80) -> None:
    """Random photos with two captions each, that tell a gender, and with labels."""
    (root / "images").mkdir(parents=True)
    with (root / "captions.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "labels", "caption"])
        for i in range(count):
            noise = np.random.default_rng(i).integers(0, 256, (8, 8, 3), np.uint8)
            Image.fromarray(noise).resize((120, 90)).save(root / "images" / f"{i}.png")
            person, thing = PEOPLE[i % 4], THINGS[i // 4 % 2]
            for caption in (f"A {person} with a {thing} .", f"The {person} sees a {thing} ."):
                writer.writerow([f"images/{i}.png", f"person;{thing}", caption])


def test_a_guide_is_chosen_on_dev_and_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cheapen(monkeypatch)
    for module in ("models.extract", "release.export", "measure.fit_guide"):
        monkeypatch.setattr(f"training.{module}.load_encoder", small_encoder)
    monkeypatch.setattr("training.measure.fit_guide.ODDITIES", 4)
    monkeypatch.setattr("training.measure.guide.TRIES", 20)
    write_data(tmp_path / "data")
    (tmp_path / "tags.toml").write_text(TAGS)
    (tmp_path / "train.toml").write_text(TRAIN)
    data = ("--data", tmp_path / "data", "--cache", tmp_path / "cache")
    run, artifact = tmp_path / "run", tmp_path / "artifact"
    step("tag", *data, "--config", tmp_path / "tags.toml", "--tags", tmp_path / "tags")
    given = ("--config", tmp_path / "train.toml", "--tags", tmp_path / "tags")
    step("train", *data, *given, "--run", run)
    step("guide", *data, "--run", run)
    step("export", "--run", run, "--name", "mine", "--version", "1", "--output", artifact)

    chosen = json.loads((run / "guide.json").read_text())["thresholds"][0]
    manifest = load_manifest(artifact)
    assert manifest.gender_thresholds is not None
    told = manifest.gender_thresholds.model_dump()
    assert told == {name: pytest.approx(chosen[name]) for name in PEOPLE_WORDS}
    monkeypatch.setattr("training.measure.metrics.have_java", lambda: False)
    monkeypatch.setattr("training.measure.evaluate.have_java", lambda: False)
    assert NOT_SCORED in (artifact / "MODEL_CARD.md").read_text()
    scored = ("--artifact", artifact, "--name", "flickr8k", "--data", tmp_path / "data")
    step("score", *scored, "--results", tmp_path / "results")
    assert NOT_SCORED not in (artifact / "MODEL_CARD.md").read_text()
    (artifact / "MODEL_CARD.md").write_text("my own card")
    step("score", *scored, "--results", tmp_path / "results")
    assert (artifact / "MODEL_CARD.md").read_text() == "my own card"

    answer = serve(artifact, tmp_path / "data" / "images" / "0.png")
    assert answer.caption
    assert answer.confidence is not None
    assert 0 <= answer.confidence <= 1


PEOPLE_WORDS = ("male", "female", "boy", "girl")
