from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.models.untrained import untrained
from tests.training.shapes import TRUNK_CELLS, TRUNK_FEATURES
from training.models.encoder import (
    Encoder,
    encode,
    encode_stage,
    encode_trunk,
    load_encoder,
    save_encoder,
    split_encoder,
)
from training.models.encoder_spec import RESNET50
from training.models.folding import fold_batch_norm

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return untrained(RESNET50)


@pytest.fixture(scope="module")
def folded(model: keras.Model) -> keras.Model:
    return fold_batch_norm(model)


def photos() -> tf.Tensor:
    return tf.constant(np.random.default_rng(1).integers(0, 256, (2, 224, 224, 3), np.uint8))


def test_folding_batch_norm_changes_nothing_but_the_number_of_layers(
    model: keras.Model, folded: keras.Model
) -> None:
    expected, found = (encode(split_encoder(each), photos()).numpy() for each in (model, folded))
    assert expected.std() > 0
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    kinds = {type(layer) for layer in folded.layers}
    assert keras.layers.BatchNormalization not in kinds


def test_maps_are_the_grid_row_by_row(folded: keras.Model) -> None:
    maps = encode(split_encoder(folded), photos())
    pixels = keras.applications.resnet50.preprocess_input(tf.cast(photos(), tf.float32))
    assert maps.shape == (2, 49, 2048)
    np.testing.assert_array_equal(maps[:, 7], folded(pixels)[:, 1, 0])


def test_channels_are_swapped_and_centred_as_the_weights_expect() -> None:
    class Recorder:
        def __call__(self, pixels: tf.Tensor, training: bool) -> tf.Tensor:
            self.pixels = pixels
            return tf.zeros([1, 14, 14, 1024])

    recorder = Recorder()
    red = np.zeros((1, 224, 224, 3), np.uint8)
    red[..., 0] = 255
    encode_trunk(Encoder(recorder, recorder), tf.constant(red))
    np.testing.assert_allclose(
        recorder.pixels[0, 0, 0], [-103.939, -116.779, 255 - 123.68], rtol=1e-5
    )


def test_a_missing_weights_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"name a \.weights\.h5 file"):
        load_encoder(str(tmp_path / "missing.weights.h5"))


def test_a_folded_encoder_is_saved_as_weights_of_the_network_of_keras(
    tmp_path: Path, folded: keras.Model
) -> None:
    path = tmp_path / "encoder.weights.h5"
    save_encoder(split_encoder(folded), path)
    expected = encode(split_encoder(folded), photos()).numpy()
    for again in (load_encoder(str(path)), split_encoder(RESNET50.build(str(path)))):
        found = encode(again, photos()).numpy()
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_weights_are_loaded_from_a_file(tmp_path: Path, model: keras.Model) -> None:
    path = tmp_path / "resnet50.weights.h5"
    model.save_weights(path)
    loaded = encode(load_encoder(str(path)), photos()).numpy()
    expected = encode(split_encoder(model), photos()).numpy()
    np.testing.assert_allclose(loaded, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_a_fine_tuned_last_stage_takes_the_place_of_the_loaded_one(
    tmp_path: Path, model: keras.Model
) -> None:
    base, fine = tmp_path / "resnet50.weights.h5", tmp_path / "stage.weights.h5"
    model.save_weights(base)
    tuned = load_encoder(str(base))
    for weight in tuned.stage.weights:
        weight.assign(weight * 0.5)
    tuned.stage.save_weights(fine)
    loaded = load_encoder(str(base), fine)
    np.testing.assert_array_equal(encode(loaded, photos()), encode(tuned, photos()))
    np.testing.assert_array_equal(encode_trunk(loaded, photos()), encode_trunk(tuned, photos()))


def test_the_trunk_and_the_stage_make_the_whole(folded: keras.Model) -> None:
    encoder = split_encoder(folded)
    middle = encode_trunk(encoder, photos())
    assert middle.shape == (2, TRUNK_CELLS, TRUNK_FEATURES)
    np.testing.assert_array_equal(encode_stage(encoder.stage, middle), encode(encoder, photos()))
    names = {layer.name for layer in encoder.stage.layers if layer.weights}
    assert all(name.startswith("conv5_") for name in names)


def test_both_sides_are_averaged_cell_over_cell(folded: keras.Model) -> None:
    encoder = split_encoder(folded)
    plain = encode(encoder, photos()).numpy().reshape(2, 7, 7, 2048)
    mirrored = encode(encoder, photos()[:, :, ::-1]).numpy().reshape(2, 7, 7, 2048)
    found = encode(encoder, photos(), both_sides=True).numpy().reshape(2, 7, 7, 2048)
    np.testing.assert_allclose(found, (plain + mirrored[:, :, ::-1]) / 2, atol=1e-4)
    turned = encode(encoder, photos()[:, :, ::-1], both_sides=True).numpy()
    np.testing.assert_allclose(turned.reshape(found.shape), found[:, :, ::-1], atol=1e-4)
    assert np.abs(found - plain).max() > 0.01
