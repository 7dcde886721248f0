"""Each encoder from photos to captions by the service, with random weights."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from service.engine.manifest import load_manifest
from tests.training.commands.pipeline import CONFIG, cheapen, serve, step
from tests.training.models.untrained import untrained
from training.cli import main
from training.data.images import load_image
from training.models.encoder import encode, load_encoder
from training.models.encoder_spec import ENCODERS, EncoderSpec
from training.optimize.inputs import start_config

pytestmark = pytest.mark.tensorflow


def made(
    spec: EncoderSpec, photos: Path, root: Path, monkeypatch: pytest.MonkeyPatch, *settings: str
) -> Path:
    """An artifact of a run of one epoch with random weights in the encoder, which are beside it."""
    cheapen(monkeypatch)
    weights, run = root / "encoder.weights.h5", root / "run"
    untrained(spec).save_weights(weights)
    (root / "small.toml").write_text(CONFIG)
    data = ("--data", photos, "--cache", root / "cache", "--encoder-weights", weights)
    step("features", *data, "--encoder", spec.name)
    changes = [part for each in settings for part in ("--set", each)]
    train = ("train", *data, "--encoder", spec.name, "--config", root / "small.toml", *changes)
    step(*train, "--run", run)
    step("tune", *data, "--run", run)
    step("evaluate", *data, "--run", run)
    named = ("--name", "mine", "--version", "1", "--output", root / "artifact")
    step("export", "--run", run, "--encoder-weights", weights, *named)
    return root / "artifact"


@pytest.mark.parametrize("spec", ENCODERS.values(), ids=lambda spec: spec.name)
def test_an_encoder_goes_from_photos_to_captions_by_the_service(
    spec: EncoderSpec,
    dataset_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    artifact = made(spec, dataset_root, tmp_path, monkeypatch)
    photo = dataset_root / "images" / "red.png"
    assert serve(artifact, photo).caption

    manifest = load_manifest(artifact)
    assert manifest.provenance["training"]["train"]["encoder"] == spec.name
    assert start_config(artifact)["encoder"] == spec.name
    named = manifest.provenance["training"]["encoder_weights"]
    assert named.startswith("sha256:" if spec.name == "resnet50" else f"{spec.name} sha256:")

    # The pixels' preprocessing is in the graph: it sees what training saw.
    pixels = tf.constant(load_image(photo, spec.side)[np.newaxis])
    graph = tf.saved_model.load(str(artifact / "captioner"))
    trained_on = encode(load_encoder(str(tmp_path / "encoder.weights.h5"), spec=spec), pixels, True)
    np.testing.assert_allclose(graph.encode(pixels), trained_on, rtol=1e-3, atol=1e-4)

    # Another run begins with the artifact, its encoder and its decoder.
    again = load_encoder(str(artifact), spec=spec)
    np.testing.assert_allclose(encode(again, pixels, True), trained_on, rtol=1e-3, atol=1e-4)
    other = next(name for name in ENCODERS if name != spec.name)
    data = ["--data", str(dataset_root), "--cache", str(tmp_path / "cache")]
    given = ["--encoder-weights", str(artifact), "--encoder", other]
    assert main(["features", *data, *given]) == 2
    assert f"it is not a {other}: choose another --encoder" in capsys.readouterr().err


def test_a_smaller_grid_and_a_fine_tuned_stage_reach_the_service(
    dataset_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = dataclasses.replace(ENCODERS["efficientnetv2-b0"], side=64, grid=2, trunk_grid=4)
    monkeypatch.setitem(ENCODERS, small.name, small)
    artifact = made(small, dataset_root, tmp_path, monkeypatch, "encoder_learning_rate=0.001")
    served = serve(artifact, dataset_root / "images" / "red.png")
    assert served.caption
    manifest = json.loads((artifact / "manifest.json").read_text())
    assert (manifest["input"]["height"], manifest["input"]["width"]) == (64, 64)
    graph = tf.saved_model.load(str(artifact / "captioner"))
    assert graph.signatures["caption"].structured_outputs["attention"].shape[3:] == (2, 2)
    shapes = {np.load(path).shape[2:] for path in (tmp_path / "cache").glob("*/maps.npy")}
    assert shapes == {small.maps_shape, small.trunk_shape}


def test_a_start_of_another_encoder_is_rejected(
    dataset_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "before"
    run.mkdir()
    described = {"train": {"decoder": {"architecture": "lstm"}, "encoder": "convnext-tiny"}}
    (run / "config.json").write_text(json.dumps(described))
    (tmp_path / "small.toml").write_text(CONFIG)
    given = ["--run", str(tmp_path / "run"), "--config", str(tmp_path / "small.toml")]
    start = ["--start", str(run), "--encoder", "resnet50", "--data", str(dataset_root)]
    assert main(["train", *given, *start]) == 2
    assert "reads convnext-tiny, not resnet50; set encoder to that" in capsys.readouterr().err
