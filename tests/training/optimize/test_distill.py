"""An encoder's last stage taught by another network."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.models.test_teacher import write_network
from tests.training.optimize.small import rows
from training.cli import main
from training.config import DistillConfig
from training.data.dataset import Dataset
from training.data.views import Pixels
from training.models import encoder_spec
from training.models.encoder import Encoder, load_encoder
from training.models.encoder_spec import EncoderSpec
from training.models.teacher import Teacher
from training.optimize.distill import ENCODER, distill

pytestmark = pytest.mark.tensorflow

SIDE = 16
LABELS = ("dog", "cat")


def tiny_network(
    weights: str | None, include_top: bool, input_shape: tuple[int, int, int]
) -> keras.Model:
    """A trunk of one convolution and a last stage of two, with BatchNorm between them."""
    assert not include_top
    keras.utils.set_random_seed(1)
    pixels = keras.Input(input_shape)
    trunk = keras.layers.Conv2D(4, 4, 4, activation="relu", name="trunk")(pixels)
    inner = keras.layers.Conv2D(12, 1, use_bias=False, name="stage")(trunk)
    inner = keras.layers.ReLU(name="stage_relu")(keras.layers.BatchNormalization(name="bn")(inner))
    model = keras.Model(pixels, keras.layers.Conv2D(8, 2, 2, name="last")(inner))
    if weights:
        model.load_weights(weights)
    return model


TINY = EncoderSpec(
    name="resnet50",
    application=tiny_network,
    preprocess=lambda pixels: pixels / 255,
    side=SIDE,
    grid=2,
    channels=8,
    stage_from="stage",
    trunk_grid=4,
    trunk_channels=4,
)


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(encoder_spec.ENCODERS, "resnet50", TINY)


@pytest.fixture
def weights(tmp_path: Path) -> str:
    path = tmp_path / "start.weights.h5"
    tiny_network(None, False, (SIDE, SIDE, 3)).save_weights(path)
    return str(path)


@pytest.fixture
def labelled(dataset: Dataset) -> Dataset:
    """Two of the photos have labels."""
    return replace(dataset, labels={"red.png": ("dog",), "green.png": ("cat",)})


class Watcher:
    """A teacher of four quarters' colours that remembers the brightest pixel of each view."""

    def __init__(self) -> None:
        self.shades: list[int] = []

    def see(self, pixels: Pixels) -> tuple[Any, Any]:
        self.shades += pixels.max(axis=(1, 2, 3)).tolist()
        quarters = pixels.reshape(len(pixels), 2, SIDE // 2, 2, SIDE // 2, 3).mean(axis=(2, 4))
        maps = (quarters / 255).astype(np.float32)
        return maps, maps.mean(axis=(1, 2)) * 4

    def teacher(self, name: str = "watcher") -> Teacher:
        return Teacher(name, SIDE, self.see)


def small(**changes: Any) -> DistillConfig:
    given = {"epochs": 3, "views": 64, "batch_images": 8, "head_steps": 2, "learning_rate": 0.02}
    return DistillConfig.model_validate(given | {"head_learning_rate": 0.02} | changes)


def load(path: str | Path) -> Encoder:
    return load_encoder(str(path), spec=TINY)


def values(part: keras.Model) -> list[Any]:
    return [weight.numpy() for weight in part.weights]


def test_the_last_stage_comes_closer_to_the_teacher_on_photos_it_never_learned_from(
    labelled: Dataset, weights: str, tmp_path: Path
) -> None:
    distill(small(epochs=6), labelled, Watcher().teacher(), weights, tmp_path / "run", False)
    found = rows(tmp_path / "run")
    assert [row["epoch"] for row in found] == [1, 2, 3, 4, 5, 6]
    assert found[-1]["dev maps"] < 0.5 * found[0]["dev maps"]
    assert found[-1]["maps"] < found[0]["maps"]
    assert found[-1]["objects"] < found[0]["objects"]


def test_the_weights_file_is_an_encoder_with_another_last_stage(
    labelled: Dataset, weights: str, tmp_path: Path
) -> None:
    distill(small(), labelled, Watcher().teacher(), weights, tmp_path / "run", False)
    before, after = load(weights), load(tmp_path / "run" / ENCODER)
    for old, new in zip(values(before.trunk), values(after.trunk), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-6)
    changed = zip(values(before.stage), values(after.stage), strict=True)
    assert all(np.abs(new - old).max() > 1e-4 for old, new in changed)


def test_dev_and_test_photos_are_not_learned_from(
    labelled: Dataset, weights: str, tmp_path: Path
) -> None:
    config = small(views=40, dev_images=1)
    watcher = Watcher()
    distill(config, labelled, watcher.teacher(), weights, tmp_path / "run", False)
    train, dev, test = ({40 * n for n in each} for each in (range(1, 5), [5], [6]))
    told = [
        min(sorted(train | dev | test), key=lambda s: abs(s - shade)) for shade in watcher.shades
    ]
    assert not test & set(told)
    assert sum(shade in dev for shade in told) == config.epochs
    assert train <= set(told)


def test_the_heads_begin_alone(labelled: Dataset, weights: str, tmp_path: Path) -> None:
    config = small(epochs=1, views=16, head_steps=2)
    distill(config, labelled, Watcher().teacher(), weights, tmp_path / "run", False)
    before, after = load(weights), load(tmp_path / "run" / ENCODER)
    for old, new in zip(values(before.stage), values(after.stage), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-5)


def test_photos_without_labels_say_nothing_of_objects(
    dataset: Dataset, weights: str, tmp_path: Path
) -> None:
    distill(small(epochs=1), dataset, Watcher().teacher(), weights, tmp_path / "run", False)
    assert rows(tmp_path / "run")[0]["objects"] == 0


def test_a_stopped_run_ends_as_if_it_had_not(
    labelled: Dataset, weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = (small(), labelled, Watcher().teacher(), weights)
    distill(*given, tmp_path / "whole", False)
    saved = tf.train.CheckpointManager.save

    def stop_after_two(manager: Any) -> None:
        saved(manager)
        if len(rows(tmp_path / "stopped")) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tf.train.CheckpointManager, "save", stop_after_two)
        with pytest.raises(KeyboardInterrupt):
            distill(*given, tmp_path / "stopped", False)
    distill(*given, tmp_path / "stopped", True)
    whole, stopped = (load(tmp_path / name / ENCODER) for name in ("whole", "stopped"))
    for mine, theirs in zip(values(whole.stage), values(stopped.stage), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-5)
    assert [row["epoch"] for row in rows(tmp_path / "stopped")] == [1, 2, 3]


def test_a_run_resumes_only_with_what_it_was_started_with(
    labelled: Dataset, weights: str, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    config = small(epochs=1, views=8)
    distill(config, labelled, Watcher().teacher(), weights, run, False)
    with pytest.raises(FileExistsError, match="--resume"):
        distill(config, labelled, Watcher().teacher(), weights, run, False)
    with pytest.raises(ValueError, match="another teacher"):
        distill(config, labelled, Watcher().teacher("other"), weights, run, True)
    with pytest.raises(ValueError, match="another configuration"):
        distill(small(epochs=2, views=8), labelled, Watcher().teacher(), weights, run, True)
    (run / "config.json").write_text(json.dumps({"train": {}, "encoder_weights": "imagenet"}))
    with pytest.raises(ValueError, match="another configuration"):
        distill(config, labelled, Watcher().teacher(), weights, run, True)


def test_the_command_writes_weights_that_the_other_steps_load(
    dataset_root: Path, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    teacher = write_network(tmp_path / "net.xml", side=SIDE)
    config = tmp_path / "distill.toml"
    config.write_text("epochs = 1\nviews = 8\nbatch_images = 8\n[teacher]\nscale = [255.0]\n")
    run = tmp_path / "run"
    data = ("--data", dataset_root, "--run", run, "--encoder-weights", weights)
    given = ("distill", "--teacher", teacher, "--config", config, *data)
    assert main([str(each) for each in given]) == 0
    assert f"wrote {run / ENCODER}" in capsys.readouterr().out
    load(run / ENCODER)
    config.write_text("epoch = 1\n")
    assert main([str(each) for each in given]) == 2
    assert "epoch: Extra inputs are not permitted" in capsys.readouterr().err
