import dataclasses
import json
import math
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.optimize.small import inputs, rows, small, train, trainer_of
from tests.training.shapes import CELLS, FEATURES
from training.config import DecoderConfig, TrainConfig
from training.data.batches import Batch
from training.data.dataset import Dataset
from training.data.features import FeatureCache
from training.data.text import PAD
from training.models.model import Model
from training.models.registry import DECODERS, build_decoder
from training.optimize import train as training
from training.optimize.inputs import Inputs
from training.optimize.losses import cross_entropy, token_log_probs
from training.optimize.run_folder import load_run
from training.optimize.train import DevScores, Progress
from training.optimize.train import _train_epoch as train_epoch

pytestmark = pytest.mark.tensorflow


def scored(*ciders: float) -> DevScores:
    """These dev scores, one an epoch."""
    remaining = iter(ciders)
    return lambda *_: {"CIDEr": next(remaining)}


@pytest.mark.parametrize("architecture", sorted({*DECODERS} - {"tagged-attention"}))
def test_a_run_keeps_all_that_made_it_and_can_be_loaded(
    architecture: str, dataset: Dataset, features: FeatureCache, tmp_path: Path
) -> None:
    config = small(architecture)
    train(config, inputs(dataset, features), tmp_path / "run", resume=False)
    described = json.loads((tmp_path / "run" / "config.json").read_text())
    assert TrainConfig.model_validate(described["train"]) == config
    assert described["encoder_weights"] == "imagenet"
    assert {"git_revision", "tensorflow", "keras"} <= described["provenance"].keys()
    assert [row["epoch"] for row in rows(tmp_path / "run")] == [1, 2]
    assert {"loss", "dev CIDEr", "dev BLEU-4"} <= rows(tmp_path / "run")[0].keys()
    assert list((tmp_path / "run" / "tensorboard").iterdir())
    words = load_run(tmp_path / "run", "imagenet").vocabulary.words
    assert "dog" in words
    assert "night" not in words  # a word of the test split
    assert "grey" not in words  # a word of the dev split


def test_an_epoch_without_a_checkpoint_is_trained_again_and_reported_once(
    dataset: Dataset, features: FeatureCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small("lstm", epochs=3)
    save = tf.train.CheckpointManager.save
    saves = []

    def stop_at_the_second(manager: Any) -> Any:
        saves.append(manager)
        if len(saves) == 2:
            raise KeyboardInterrupt
        return save(manager)

    monkeypatch.setattr(tf.train.CheckpointManager, "save", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        train(config, inputs(dataset, features), tmp_path, resume=False)
    monkeypatch.undo()
    assert [row["epoch"] for row in rows(tmp_path)] == [1, 2]
    train(config, inputs(dataset, features), tmp_path, resume=True)
    assert [row["epoch"] for row in rows(tmp_path)] == [1, 2, 3]


def test_a_run_goes_on_only_with_what_it_was_started_with(
    dataset: Dataset, features: FeatureCache, tmp_path: Path
) -> None:
    config = small("lstm", epochs=1)
    train(config, inputs(dataset, features), tmp_path, resume=False)
    words = (tmp_path / "vocabulary.txt").read_text()
    (tmp_path / "other.weights.h5").write_text("other")
    other = Inputs(dataset, features, str(tmp_path / "other.weights.h5"))
    with pytest.raises(ValueError, match="started with another encoder"):
        train(config, other, tmp_path, resume=True)
    more = dict(dataset.captions) | {"red.png": ("Zebra aardvark .",)}
    with pytest.raises(ValueError, match="started with another vocabulary"):
        train(
            config,
            Inputs(dataclasses.replace(dataset, captions=more), features, "imagenet"),
            tmp_path,
            resume=True,
        )
    assert (tmp_path / "vocabulary.txt").read_text() == words
    assert len(load_run(tmp_path, "imagenet").vocabulary) == len(words.splitlines())


def test_a_run_is_not_overwritten_by_accident(
    dataset: Dataset, features: FeatureCache, tmp_path: Path
) -> None:
    train(small("lstm", epochs=1), inputs(dataset, features), tmp_path, resume=False)
    with pytest.raises(FileExistsError, match="resume it with --resume or name another --run"):
        train(small("lstm", epochs=1), inputs(dataset, features), tmp_path, resume=False)
    with pytest.raises(ValueError, match=r"started with another configuration \(epochs\)"):
        train(small("lstm", epochs=2), inputs(dataset, features), tmp_path, resume=True)
    assert len(rows(tmp_path)) == 1


def test_a_run_that_failed_in_its_first_epoch_is_begun_again(
    dataset: Dataset, features: FeatureCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("wrong")

    monkeypatch.setattr(training, "_train_epoch", fail)
    with pytest.raises(ValueError, match="wrong"):
        train(small("lstm", epochs=1), inputs(dataset, features), tmp_path, resume=False)
    monkeypatch.undo()
    for name in ("encoder-stage.weights.h5", "tagger.npz"):
        (tmp_path / name).write_text("of what it began with")
    train(small("lstm", epochs=1, seed=3), inputs(dataset, features), tmp_path, resume=False)
    run = load_run(tmp_path, "imagenet")
    assert run.config.seed == 3
    assert run.tag_head is None
    shutil.rmtree(tmp_path / "checkpoints")
    (tmp_path / "best.weights.h5").unlink()
    with pytest.raises(FileExistsError, match="holds a run"):  # its metrics tell
        train(small("lstm", epochs=1), inputs(dataset, features), tmp_path, resume=False)


def test_of_epochs_with_the_same_cider_that_of_the_lowest_loss_is_the_best() -> None:
    progress = Progress()
    heard = [progress.note(*each) for each in ((1, 0.0, 5.0), (2, 0.0, 4.0), (3, 0.0, 4.5))]
    assert heard == [True, True, False]
    assert int(progress.best_epoch) == 2
    assert not progress.note(3, 0.0, math.nan)
    assert progress.note(4, 1.0, 9.0)
    assert not progress.note(5, 0.5, 1.0)


def test_training_ends_when_dev_cider_no_longer_rises(
    dataset: Dataset, features: FeatureCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small("lstm", epochs=9, patience=2)
    given = inputs(dataset, features)
    train(config, given, tmp_path, resume=False, dev_scores=scored(10.0, 12.0, 11.0, 11.5, 99.0))
    assert [row["dev CIDEr"] for row in rows(tmp_path)] == [10, 12, 11, 11.5]


def test_the_weights_kept_are_those_of_the_best_epoch(
    dataset: Dataset, features: FeatureCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = []
    monkeypatch.setattr(Model, "save", lambda self, *paths: saved.append((self.decoder, *paths)))
    given = inputs(dataset, features)
    train(small("lstm"), given, tmp_path, resume=False, dev_scores=scored(10.0, 5.0))
    ((decoder, *paths),) = saved
    assert paths == [tmp_path / "best.weights.h5", tmp_path / "encoder-stage.weights.h5"]
    assert decoder.name == "lstm"


@pytest.mark.parametrize("architecture", sorted(DECODERS))
def test_a_decoder_learns_a_few_captions_by_heart(architecture: str) -> None:
    keras.utils.set_random_seed(0)
    trainer = trainer_of(small(architecture, label_smoothing=0.0))
    random = np.random.default_rng(0)
    batch = Batch(
        tf.constant(random.normal(size=(2, CELLS, FEATURES)).astype(np.float16)),
        tf.constant([[1, 4, 5, 6, 2], [1, 7, 8, 2, 0], [1, 9, 9, 10, 2]]),
        tf.constant([0, 0, 1]),
        tf.constant([0, 1], tf.int64),
    )
    losses = [trainer.imitation_step(batch) for _ in range(150)]
    assert losses[0] > 2
    # The first image has two captions, so its first word stays a matter of chance.
    assert losses[-1] < 0.35


def test_the_average_follows_the_weights_from_behind() -> None:
    trainer = trainer_of(small("lstm"))
    batch = Batch(
        tf.ones([1, CELLS, FEATURES], tf.float16),
        tf.constant([[1, 4, 5, 2]]),
        tf.constant([0]),
        tf.constant([0], tf.int64),
    )
    before = trainer.averaged.decoder.embedding.numpy()
    for _ in range(5):
        trainer.imitation_step(batch)
    raw, averaged = (
        trainer.model.decoder.embedding.numpy(),
        trainer.averaged.decoder.embedding.numpy(),
    )
    assert 0 < np.abs(averaged - before).max() < np.abs(raw - before).max()


def test_the_loss_is_smoothed_cross_entropy_over_words_and_ends_only() -> None:
    keras.utils.set_random_seed(0)
    config = DecoderConfig(
        architecture="attention", units=8, attention_units=4, dropout=0, feature_dropout=0
    )
    decoder = build_decoder(config, 9)
    maps = np.random.default_rng(0).normal(size=(2, CELLS, FEATURES)).astype(np.float16)
    tokens = np.array([[1, 5, 6, 2, PAD], [1, 7, 2, PAD, PAD], [1, 8, 8, 8, 2]], np.int32)
    owners = np.array([0, 1, 1], np.int32)
    found = token_log_probs(
        Model(decoder), tf.constant(maps), tf.constant(tokens), owners, training=True
    )
    loss = float(cross_entropy(*found, label_smoothing=0.1))
    logits = decoder(tf.constant(maps[owners], tf.float32), tf.constant(tokens[:, :-1])).numpy()
    log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    terms = [
        0.9 * log_probs[row, position, tokens[row, position + 1]]
        + 0.1 * log_probs[row, position, [2, 4, 5, 6, 7, 8]].mean()  # what may be written
        for row in range(3)
        for position in range(4)
        if tokens[row, position + 1] != PAD
    ]
    assert len(terms) == 9
    assert loss == pytest.approx(-np.mean(terms), rel=1e-5)


def test_a_run_stopped_in_an_epoch_ends_as_if_it_had_not(
    dataset: Dataset, features: FeatureCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small("lstm", epochs=3)
    train(config, inputs(dataset, features), tmp_path / "whole", resume=False)

    def stop(*given: Any) -> float:
        if given[-1] == 2:
            raise KeyboardInterrupt
        return train_epoch(*given)

    monkeypatch.setattr("training.optimize.train._train_epoch", stop)
    with pytest.raises(KeyboardInterrupt):
        train(config, inputs(dataset, features), tmp_path / "stopped", resume=False)
    monkeypatch.undo()
    train(config, inputs(dataset, features), tmp_path / "stopped", resume=True)
    whole, stopped = rows(tmp_path / "whole"), rows(tmp_path / "stopped")
    assert [row["epoch"] for row in stopped] == [1, 2, 3]
    for name in ("loss", "learning_rate", "dev CIDEr"):
        expected = [row[name] for row in whole]
        assert [row[name] for row in stopped] == pytest.approx(expected, rel=1e-4)


def test_a_loss_that_is_no_number_ends_the_run(
    dataset: Dataset, features: FeatureCache, tmp_path: Path
) -> None:
    features.maps[:] = np.inf
    with pytest.raises(FloatingPointError, match="epoch 1 is nan; lower the learning rate"):
        train(small("lstm"), inputs(dataset, features), tmp_path, resume=False)
    assert not (tmp_path / "best.weights.h5").exists()
    assert not (tmp_path / "metrics.jsonl").exists()


@pytest.mark.parametrize("architecture", sorted(DECODERS))
def test_only_kernels_and_embeddings_decay(architecture: str) -> None:
    trainer = trainer_of(small(architecture, weight_decay=0.5))
    variables = trainer.model.decoder.trainable_variables
    for variable in variables:
        variable.assign(tf.ones_like(variable))
    nothing = [tf.zeros_like(variable) for variable in variables]
    for _ in range(2):  # the first step's learning rate is 0
        trainer.optimizer.apply_gradients(zip(nothing, variables, strict=True))
    decayed = {variable.path for variable in variables if np.max(variable) < 1}
    kept = {variable.path for variable in variables} - decayed
    assert all(path.endswith(("kernel", "embedding")) for path in decayed)
    assert all(path.endswith(("bias", "gamma", "beta", "position", "word_scale")) for path in kept)
    assert decayed
    assert kept


def test_the_learning_rate_warms_up_and_falls_to_nothing() -> None:
    trainer = trainer_of(small("lstm", warmup_steps=10, learning_rate=0.01), steps=100)
    rates = []
    for step in (0, 5, 10, 55, 100):
        trainer.optimizer.iterations.assign(step)
        rates.append(float(trainer.optimizer.learning_rate))
    assert rates == pytest.approx([0, 0.005, 0.01, 0.005, 0], abs=1e-6)
