"""Runs that begin with the weights of another run, or of an artifact."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.training.optimize.small import rows, small, train
from tests.training.release.test_export import WORDS, small_encoder, write_run
from training.data.dataset import Dataset
from training.data.features import FeatureCache
from training.data.text import Vocabulary
from training.models.encoder import encode, encoder_id, load_encoder
from training.models.registry import build_decoder
from training.models.weights import by_path
from training.optimize.inputs import Inputs, Start, load_start, start_config, training_features
from training.optimize.run_folder import features_of, load_run
from training.release import export as exporting
from training.release.export import export

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact of an attentive decoder with random weights, beside its run."""
    root = tmp_path_factory.mktemp("exported")
    write_run(root / "run", "attention")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(exporting, "load_encoder", small_encoder)
        export(root / "run", "imagenet", "small", "1.2.3", root / "artifact")
    return root / "artifact"


def test_an_artifact_gives_the_weights_and_the_words_of_its_run(exported: Path) -> None:
    start, run = load_start(exported), load_start(exported.parent / "run")
    assert start.vocabulary.words == run.vocabulary.words == WORDS
    assert start.weights.keys() == run.weights.keys()
    for path, value in run.weights.items():
        np.testing.assert_array_equal(start.weights[path], value)
    assert start.described.keys() == {"artifact", "version", "weights"}
    assert start_config(exported) == start_config(exported.parent / "run")


def test_words_keep_their_vectors_and_new_words_come_last(exported: Path) -> None:
    start = load_start(exported)
    words = Vocabulary.from_captions([["word3", "zebra"], ["a", "word1"]], min_count=1)
    vocabulary = start.extend(words)
    assert vocabulary.words == (*WORDS, "a", "zebra")
    decoder = build_decoder(small("attention").decoder, len(vocabulary))
    fresh = decoder.embedding.numpy()[len(WORDS) :]
    start.fill(decoder, vocabulary)
    old = start.weights["attention/embedding"]
    np.testing.assert_array_equal(decoder.embedding.numpy()[: len(WORDS)], old)
    np.testing.assert_array_equal(decoder.embedding.numpy()[len(WORDS) :], fresh)
    biases = start.weights["attention/output_bias"]
    assert decoder.output_bias.numpy()[-1] == pytest.approx(np.median(biases))


def test_a_run_begins_with_an_artifact_and_learns_further(
    exported: Path, dataset: Dataset, features: FeatureCache, tmp_path: Path
) -> None:
    config = small("attention", learning_rate=1e-6, epochs=1)
    inputs = Inputs(dataset, features, "imagenet", exported)
    train(config, inputs, tmp_path / "run", resume=False)
    described = json.loads((tmp_path / "run" / "config.json").read_text())
    assert described["start"]["artifact"] == "small"
    run = load_run(tmp_path / "run", "imagenet")
    assert run.vocabulary.words[: len(WORDS)] == WORDS
    assert "dog" in run.vocabulary.words
    kernel = load_start(exported).weights["attention/lstm/kernel"]
    np.testing.assert_allclose(run.decoder.lstm.kernel.numpy(), kernel, atol=1e-3)
    train(config, inputs, tmp_path / "run", resume=True)
    assert len(rows(tmp_path / "run")) == 1


def test_a_run_of_another_encoder_is_told_before_any_photo_is_encoded(
    exported: Path, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def encode(*_: object) -> None:
        pytest.fail("photos were encoded")

    monkeypatch.setattr("training.optimize.run_folder.cache_features", encode)
    other = tmp_path / "other.weights.h5"
    other.write_bytes(b"other")
    with pytest.raises(ValueError, match="name the same --encoder-weights"):
        features_of(exported.parent / "run", dataset, str(other), tmp_path)


def test_another_shape_is_rejected_with_what_to_do(exported: Path) -> None:
    start = load_start(exported)
    wider = small("attention").decoder.model_copy(update={"units": 32})
    with pytest.raises(ValueError, match=r"another shape: .*; leave \[decoder\] out"):
        start.fill(build_decoder(wider, len(WORDS)), start.vocabulary)


def test_another_architecture_takes_what_is_called_alike(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = load_start(exported)
    decoder = build_decoder(small("soft-attention").decoder, len(WORDS))
    alike = {path: each for path, each in start.weights.items() if "lstm" not in path}
    Start(start.described, start.vocabulary, alike).fill(decoder, start.vocabulary)
    np.testing.assert_array_equal(decoder.embedding, start.weights["attention/embedding"])
    out = capsys.readouterr().out
    assert "fresh" in out
    assert "soft-attention/lstm/kernel" in out


def test_a_decoder_without_tags_begins_with_one_that_reads_them() -> None:
    plain_config = small("attention").decoder
    tags = {"architecture": "tagged-attention", "tags": 5}
    tagged = build_decoder(plain_config.model_copy(update=tags), len(WORDS))
    weights = {path: each.numpy() for path, each in by_path(tagged.weights).items()}
    plain = build_decoder(plain_config, len(WORDS))
    Start({}, Vocabulary(WORDS), weights).fill(plain, Vocabulary(WORDS))
    for path, weight in by_path(plain.weights).items():
        carried = weights[path.replace("attention/", "tagged-attention/", 1)]
        np.testing.assert_array_equal(weight.numpy(), carried)


def test_a_folder_that_is_no_start_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is no run"):
        load_start(tmp_path)
    (tmp_path / "config.json").write_text('{"train": {"decoder": {"architecture": "lstm"}}}')
    with pytest.raises(FileNotFoundError, match=r"vocabulary\.txt is missing; train the run first"):
        load_start(tmp_path)


@pytest.mark.artifact
def test_the_shipped_encoder_is_read_from_the_artifact(artifact: Path) -> None:
    encoder = load_encoder(str(artifact))
    model = tf.saved_model.load(str(artifact / "captioner"))
    images = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), np.uint8)
    names = by_path(encoder.weights)
    assert names.keys() == model.encoder_weights.keys()
    for path in list(names)[::20]:
        np.testing.assert_array_equal(names[path].numpy(), model.encoder_weights[path].numpy())
    assert np.isfinite(encode(encoder, tf.constant(images)).numpy()).all()
    assert encoder_id(str(artifact)).startswith("artifact sha256:")


def test_crops_are_for_an_encoder_that_is_not_trained(dataset: Dataset, tmp_path: Path) -> None:
    config = small("attention").model_copy(
        update={"crop_share": 0.5, "encoder_learning_rate": 1e-4}
    )
    with pytest.raises(ValueError, match="set crop_share to 0"):
        training_features(config, dataset, "imagenet", tmp_path, None)
