"""Networks that an encoder may learn from: files that OpenVINO reads, and Keras's own."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import openvino as ov
import openvino.opset13 as ops
import pytest

from training.config import TeacherConfig
from training.models.teacher import load_teacher

pytestmark = pytest.mark.tensorflow

SIDE = 8
KERNEL = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)  # 5 channels of maps
NORMALISED = TeacherConfig(mean=(100.0, 110.0, 120.0), scale=(50.0,))


def write_network(
    path: Path, *, rows_first: bool = False, side: int = SIDE, maps: bool = True
) -> Path:
    """Maps on half the grid by a 1x1 convolution, and their means as logits."""
    shape = [-1, side, side, 3] if rows_first else [-1, 3, side, side]
    image = ops.parameter(shape, np.float32, name="image")
    given = ops.transpose(image, np.array([0, 3, 1, 2])) if rows_first else image
    kernel = ops.constant(KERNEL[:, :, np.newaxis, np.newaxis])
    seen = ops.convolution(given, kernel, [2, 2], [0, 0], [0, 0], [1, 1])
    seen.output(0).tensor.set_names({"inner"})
    logits = ops.reduce_mean(seen, np.array([2, 3]), keep_dims=False)
    given_out = ops.transpose(seen, np.array([0, 2, 3, 1])) if rows_first else seen
    outputs = [given_out, logits] if maps else [logits]
    ov.save_model(ov.Model(outputs, [image]), path, compress_to_fp16=False)
    return path


def pixels(side: int = SIDE) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (2, side, side, 3), np.uint8)


def expected(images: np.ndarray) -> np.ndarray:
    """The maps [B, side / 2, side / 2, 5] by the definition."""
    normalised = (images[:, ::2, ::2] - np.array([100.0, 110.0, 120.0])) / 50
    return np.asarray(normalised @ KERNEL.T)


@pytest.mark.parametrize("rows_first", [False, True])
def test_a_file_gives_maps_row_by_row_and_logits(rows_first: bool, tmp_path: Path) -> None:
    path = write_network(tmp_path / "net.xml", rows_first=rows_first)
    teacher = load_teacher(str(path), NORMALISED, 224)
    assert teacher.side == SIDE
    maps, logits = teacher.see(pixels())
    np.testing.assert_allclose(maps, expected(pixels()), atol=0.05)
    np.testing.assert_allclose(logits, expected(pixels()).mean(axis=(1, 2)), atol=0.05)


def test_an_inner_tensor_can_be_the_maps(tmp_path: Path) -> None:
    path = write_network(tmp_path / "net.xml", maps=False)
    with pytest.raises(ValueError, match="no output of rank 4 for its maps; name the tensor"):
        load_teacher(str(path), NORMALISED, 224)
    named = NORMALISED.model_copy(update={"maps": "inner"})
    maps, _ = load_teacher(str(path), named, 224).see(pixels())
    np.testing.assert_allclose(maps, expected(pixels()), atol=0.05)


def test_a_file_without_a_size_of_its_own_reads_pixels_of_the_encoders_size(
    tmp_path: Path,
) -> None:
    path = write_network(tmp_path / "net.xml", side=-1)
    teacher = load_teacher(str(path), NORMALISED, 16)
    assert teacher.side == 16
    maps, _ = teacher.see(pixels(16))
    np.testing.assert_allclose(maps, expected(pixels(16)), atol=0.05)


def test_an_inner_tensor_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = write_network(tmp_path / "net.xml")
    with pytest.raises(ValueError, match="no tensor other"):
        load_teacher(str(path), TeacherConfig(maps="other"), 224)


@pytest.mark.parametrize("name", ["missing.onnx", "broken.onnx"])
def test_a_file_that_is_no_network_is_told(name: str, tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no network")
    with pytest.raises((FileNotFoundError, ValueError), match=name):
        load_teacher(str(tmp_path / name), TeacherConfig(), 224)


def test_a_network_of_keras_gives_the_maps_it_pools_and_its_logits(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    whole = keras.applications.MobileNet(weights=None, classifier_activation=None)
    whole.save_weights(tmp_path / "mobilenet.weights.h5")
    config = TeacherConfig(weights=str(tmp_path / "mobilenet.weights.h5"))
    teacher = load_teacher("keras:MobileNet", config, 96)
    assert teacher.side == 224
    images = pixels(224)
    maps, logits = teacher.see(images)
    assert maps.shape == (2, 7, 7, 1024)
    given = keras.applications.mobilenet.preprocess_input(images.astype(np.float32))
    np.testing.assert_allclose(logits, whole(given), atol=1e-4)


def test_a_network_that_keras_lacks_is_told() -> None:
    with pytest.raises(ValueError, match=r"keras\.applications has no Nothing50"):
        load_teacher("keras:Nothing50", TeacherConfig(), 224)


def test_weights_that_cannot_be_downloaded_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(**options: Any) -> None:
        raise Exception("URL fetch failure on somewhere: None -- no such host")  # as Keras does

    monkeypatch.setattr(keras.applications, "MobileNet", unreachable)
    with pytest.raises(ConnectionError, match="MobileNet cannot be downloaded; name a file"):
        load_teacher("keras:MobileNet", TeacherConfig(), 224)


def test_other_failures_of_keras_stay_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**options: Any) -> None:
        raise TypeError("no such option")

    monkeypatch.setattr(keras.applications, "MobileNet", broken)
    with pytest.raises(TypeError, match="no such option"):
        load_teacher("keras:MobileNet", TeacherConfig(), 224)
