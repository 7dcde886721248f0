"""Every encoder is what its specification says, also with BatchNorm folded and weights loaded."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.models.untrained import untrained
from training.config import TrainConfig
from training.models.encoder import encode, encode_trunk, encoder_id, load_encoder, split_encoder
from training.models.encoder_spec import ENCODERS, EncoderSpec
from training.models.folding import fold_batch_norm
from training.models.weights import by_path

pytestmark = pytest.mark.tensorflow

OTHERS = [spec for name, spec in ENCODERS.items() if name != "resnet50"]


def photos(spec: EncoderSpec) -> tf.Tensor:
    pixels = np.random.default_rng(1).integers(0, 256, (2, spec.side, spec.side, 3), np.uint8)
    return tf.constant(pixels)


@pytest.fixture(scope="module", params=OTHERS, ids=lambda spec: spec.name)
def spec(request: pytest.FixtureRequest) -> EncoderSpec:
    found: EncoderSpec = request.param
    return found


@pytest.fixture(scope="module")
def model(spec: EncoderSpec) -> keras.Model:
    return untrained(spec)


@pytest.fixture(scope="module")
def file(model: keras.Model, spec: EncoderSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / f"{spec.name}.weights.h5"
    model.save_weights(path)
    return path


def test_resnet50_is_the_default() -> None:
    assert TrainConfig.model_validate({"decoder": {"architecture": "lstm"}}).encoder == "resnet50"
    assert encoder_id("imagenet") == "imagenet"


def test_it_is_loaded_from_a_file_and_computes_what_the_network_does(
    spec: EncoderSpec, model: keras.Model, file: Path
) -> None:
    encoder = load_encoder(str(file), spec=spec)
    expected = model(spec.preprocess(tf.cast(photos(spec), tf.float32)), training=False).numpy()
    assert expected.shape == (2, spec.grid, spec.grid, spec.channels)
    assert expected.std() > 0
    found = encode(encoder, photos(spec)).numpy()
    np.testing.assert_allclose(
        found, expected.reshape(found.shape), rtol=0, atol=1e-3 * np.abs(expected).max()
    )
    assert encode_trunk(encoder, photos(spec)).shape == (2, *spec.trunk_shape)


def test_its_last_stage_alone_has_the_last_stage_s_weights(
    spec: EncoderSpec, model: keras.Model
) -> None:
    encoder = split_encoder(fold_batch_norm(model), spec)
    trunk, stage = (by_path(part.weights).keys() for part in (encoder.trunk, encoder.stage))
    assert trunk.isdisjoint(stage)
    beginning = spec.stage_from.rsplit("_", 2)[0]
    assert any(path.startswith(beginning) for path in stage)
    kinds = {type(layer) for part in (encoder.trunk, encoder.stage) for layer in part.layers}
    assert keras.layers.BatchNormalization not in kinds


def test_its_weights_have_the_same_names_whatever_was_built_before(spec: EncoderSpec) -> None:
    first, second = (split_encoder(fold_batch_norm(spec.build(None)), spec) for _ in range(2))
    assert by_path(first.weights).keys() == by_path(second.weights).keys()


def test_a_fine_tuned_last_stage_is_loaded_by_another_build(
    spec: EncoderSpec, file: Path, tmp_path: Path
) -> None:
    tuned = load_encoder(str(file), spec=spec)
    for weight in tuned.stage.trainable_weights:
        weight.assign(weight * 0.5)
    tuned.stage.save_weights(tmp_path / "stage.weights.h5")
    loaded = load_encoder(str(file), tmp_path / "stage.weights.h5", spec)
    np.testing.assert_array_equal(encode(loaded, photos(spec)), encode(tuned, photos(spec)))


def test_its_name_is_part_of_what_caches_and_runs_call_it(spec: EncoderSpec, file: Path) -> None:
    assert encoder_id("imagenet", spec=spec) == f"{spec.name} imagenet"
    assert encoder_id(str(file), spec=spec) == f"{spec.name} {encoder_id(str(file))}"


def test_a_batch_norm_that_cannot_be_folded_is_told() -> None:
    pixels = keras.Input((8, 8, 3))
    maps = keras.layers.Conv2D(4, 1, name="narrow")(pixels)
    maps = keras.layers.BatchNormalization()(keras.layers.ReLU(name="relu")(maps))
    with pytest.raises(ValueError, match="BatchNorm follows relu, which is no convolution"):
        fold_batch_norm(keras.Model(pixels, maps))
