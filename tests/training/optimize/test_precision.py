"""Training in mixed precision: it computes with bfloat16 and keeps float32."""

from collections.abc import Iterator
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.optimize.small import inputs, rows, small, train
from tests.training.release.test_export import small_encoder
from tests.training.shapes import CELLS, FEATURES, TRUNK_CELLS, TRUNK_FEATURES
from training.config import Precision
from training.data.batches import Batch
from training.data.dataset import Dataset
from training.data.features import FeatureCache
from training.models.model import Model
from training.models.registry import DECODERS, build_decoder
from training.optimize import train as training
from training.optimize.inputs import Inputs
from training.optimize.steps import Trainer

pytestmark = pytest.mark.tensorflow

TOKENS = tf.constant([[1, 4, 5, 6, 2], [1, 7, 8, 2, 0], [1, 9, 9, 10, 2]])
OWNERS = tf.constant([0, 0, 1])


def trainer(architecture: str, precision: Precision) -> Trainer:
    keras.utils.set_random_seed(0)
    config = small(architecture, precision=precision, warmup_steps=0, max_words=4, samples=2)
    model = Model(build_decoder(config.decoder, 12, precision=precision))
    return Trainer(config, model, Model(build_decoder(config.decoder, 12)), 20)


def batch() -> Batch:
    maps = np.random.default_rng(0).normal(size=(2, CELLS, FEATURES)).astype(np.float16)
    return Batch(tf.constant(maps), TOKENS, OWNERS, tf.constant([0, 1], tf.int64))


@pytest.fixture
def eagerly() -> Iterator[None]:
    """One step of a graph takes less time than its tracing."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("architecture", sorted(DECODERS))
def test_a_step_computes_with_bfloat16_and_changes_float32_weights(architecture: str) -> None:
    mixed, plain = (trainer(architecture, each) for each in ("bfloat16", "float32"))
    memory = mixed.model.decoder.remember(mixed.model.features(batch().maps), training=False)
    forced = mixed.model.decoder.forced(
        TOKENS, {name: tf.gather(each, OWNERS) for name, each in memory.items()}, training=False
    )
    assert forced.dtype == tf.bfloat16
    before = [variable.numpy() for variable in mixed.model.variables()]
    losses = [each.imitation_step(batch()) for each in (mixed, plain)]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)
    assert losses[0] != losses[1]
    after = [variable.numpy() for variable in mixed.model.variables()]
    assert {each.dtype for each in after} == {np.dtype(np.float32)}
    assert any(np.abs(a - b).max() > 1e-4 for a, b in zip(after, before, strict=True))
    tags = mixed.tags_of(batch())
    forbidden = tf.zeros([2, mixed.model.decoder.output_bias.shape[0]], tf.bool)
    drawn = mixed.sample(batch().maps, tags, forbidden)
    owners, worth = tf.constant([0, 0, 1, 1]), tf.constant([1.0, -1.0, 1.0, -1.0])
    assert np.isfinite(
        mixed.reinforce(batch().maps, tags, forbidden, drawn, owners, TOKENS, OWNERS, worth).numpy()
    )


def test_the_weights_that_a_run_keeps_are_float32(
    dataset: Dataset, features: FeatureCache, tmp_path: Path
) -> None:
    config = small("attention", precision="bfloat16", epochs=1)
    train(config, inputs(dataset, features), tmp_path, resume=False)
    kinds = []
    with h5py.File(tmp_path / "best.weights.h5") as file:
        file.visititems(lambda _, each: kinds.append(getattr(each, "dtype", None)))
    assert {kind for kind in kinds if kind is not None} == {np.dtype(np.float32)}
    assert np.isfinite(rows(tmp_path)[0]["loss"])
    assert keras.config.dtype_policy().name == "float32"  # of what is built after it


def test_a_fine_tuned_stage_computes_with_bfloat16_too(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[str] = []

    def load(*given: object) -> object:
        encoder = small_encoder(*given)  # type: ignore[arg-type]
        computed.append(encoder.stage.output.dtype)
        return encoder

    monkeypatch.setattr(training, "load_encoder", load)
    maps = np.random.default_rng(0).random((len(dataset.names), 2, TRUNK_CELLS, TRUNK_FEATURES))
    names = {name: row for row, name in enumerate(dataset.names)}
    trunk = FeatureCache(maps.astype(np.float16), names, "imagenet trunk")
    config = small("lstm", precision="bfloat16", encoder_learning_rate=0.001, epochs=1)
    train(config, Inputs(dataset, trunk, "imagenet"), tmp_path, resume=False)
    assert computed == ["bfloat16", "float32"]  # the average is float32
    assert np.isfinite(rows(tmp_path)[0]["loss"])
