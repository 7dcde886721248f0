from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from training.encoder import encode, fold_batch_norm, load_encoder

pytestmark = pytest.mark.tensorflow


def resnet50() -> keras.Model:
    """ResNet50 with random weights, its BatchNorm statistics far from trivial."""
    keras.utils.set_random_seed(0)
    model = keras.applications.ResNet50(weights=None, include_top=False, input_shape=(224, 224, 3))
    random = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, _, _, _ = layer.get_weights()
            layer.set_weights(
                [
                    random.uniform(0.5, 1.0, gamma.shape),
                    random.normal(0, 0.1, gamma.shape),
                    random.normal(0, 0.1, gamma.shape),
                    random.uniform(0.5, 2.0, gamma.shape),
                ]
            )
    return model


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return resnet50()


@pytest.fixture(scope="module")
def folded(model: keras.Model) -> keras.Model:
    return fold_batch_norm(model)


def photos() -> tf.Tensor:
    return tf.constant(np.random.default_rng(1).integers(0, 256, (2, 224, 224, 3), np.uint8))


def test_folding_batch_norm_changes_nothing_but_the_number_of_layers(
    model: keras.Model, folded: keras.Model
) -> None:
    expected, found = encode(model, photos()).numpy(), encode(folded, photos()).numpy()
    assert expected.std() > 0
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    kinds = {type(layer) for layer in folded.layers}
    assert keras.layers.BatchNormalization not in kinds


def test_maps_are_the_grid_row_by_row(folded: keras.Model) -> None:
    maps = encode(folded, photos())
    pixels = keras.applications.resnet50.preprocess_input(tf.cast(photos(), tf.float32))
    assert maps.shape == (2, 49, 2048)
    np.testing.assert_array_equal(maps[:, 7], folded(pixels)[:, 1, 0])


def test_channels_are_swapped_and_centred_as_the_weights_expect() -> None:
    class Recorder:
        def __call__(self, pixels: tf.Tensor, training: bool) -> tf.Tensor:
            self.pixels = pixels
            return tf.zeros([1, 7, 7, 2048])

    recorder = Recorder()
    red = np.zeros((1, 224, 224, 3), np.uint8)
    red[..., 0] = 255
    encode(recorder, tf.constant(red))
    np.testing.assert_allclose(
        recorder.pixels[0, 0, 0], [-103.939, -116.779, 255 - 123.68], rtol=1e-5
    )


def test_a_missing_weights_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"name a \.weights\.h5 file, or 'imagenet'"):
        load_encoder(str(tmp_path / "missing.weights.h5"))


def test_weights_are_loaded_from_a_file(tmp_path: Path, model: keras.Model) -> None:
    path = tmp_path / "resnet50.weights.h5"
    model.save_weights(path)
    loaded = encode(load_encoder(str(path)), photos()).numpy()
    expected = encode(model, photos()).numpy()
    np.testing.assert_allclose(loaded, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
