from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.training.shapes import CELLS, FEATURES, TRUNK_CELLS, TRUNK_FEATURES
from training.data import features as caching
from training.data.dataset import Dataset
from training.data.features import FeatureCache
from training.data.images import MOST, load_crops, load_image
from training.models import extract
from training.models.encoder import Encoder, encode, encoder_id
from training.models.encoder_spec import RESNET50, EncoderSpec
from training.models.extract import cache_crops, cache_features, cache_trunk

pytestmark = pytest.mark.tensorflow


class CheapModel:
    """Each cell's features are the mean of what was there."""

    def __init__(self, shrink: int, features: int, factor: float = 1.0) -> None:
        self.shrink, self.features, self.factor = shrink, features, factor

    def __call__(self, inputs: tf.Tensor, training: bool) -> tf.Tensor:
        cells = tf.nn.avg_pool2d(inputs, self.shrink, self.shrink, "VALID")
        means = tf.reduce_mean(cells, axis=-1, keepdims=True)
        return self.factor * tf.repeat(means, self.features, axis=-1)


def cheap_encoder(weights: str, stage: Path | None = None, spec: EncoderSpec = RESNET50) -> Encoder:
    """A fine-tuned stage gives twice as much."""
    factor = 2.0 if stage else 1.0
    return Encoder(CheapModel(16, TRUNK_FEATURES), CheapModel(2, FEATURES, factor))


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The weights the encoder was loaded with, once for each load."""
    loaded: list[str] = []

    def load(weights: str, stage: Path | None = None, spec: EncoderSpec = RESNET50) -> Encoder:
        loaded.append(weights)
        return cheap_encoder(weights, stage)

    monkeypatch.setattr(extract, "load_encoder", load)
    return loaded


def test_a_photo_is_squashed_to_a_square(tmp_path: Path) -> None:
    Image.new("L", (500, 100), 200).save(tmp_path / "wide.png")
    pixels = load_image(tmp_path / "wide.png")
    assert pixels.shape == (224, 224, 3)
    assert (pixels == 200).all()


def test_a_photo_is_turned_upright(tmp_path: Path) -> None:
    dark_above = Image.fromarray(np.repeat(np.array([[0], [200]], np.uint8), 112, axis=0))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    dark_above.resize((224, 224)).save(tmp_path / "turned.png", exif=exif)
    pixels = load_image(tmp_path / "turned.png")
    assert pixels[:100].min() > 190
    assert pixels[-100:].max() < 10


def crops_of(path: Path, pair: int = 0, least: float = 0.72, colour: float = 0.0) -> Any:
    return load_crops(path, 224, pair, least, colour)


def slope(tmp_path: Path, name: str) -> Path:
    """A photo that gets brighter to the right, in its red channel, and downwards, in its green."""
    pixels = np.zeros((200, 400, 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 255, 400)
    pixels[..., 1] = np.linspace(0, 255, 200)[:, np.newaxis]
    Image.fromarray(pixels).save(tmp_path / name)
    return tmp_path / name


@pytest.mark.parametrize("least", [0.72, 0.95])
def test_a_crop_is_a_large_part_of_the_photo_in_its_proportions(
    tmp_path: Path, least: float
) -> None:
    for crop in crops_of(slope(tmp_path, "slope.png"), least=least).astype(float):
        across = (crop[112, -1, 0] - crop[112, 0, 0]) / 255
        down = (crop[-1, 112, 1] - crop[0, 112, 1]) / 255
        assert least - 0.02 < across < MOST + 0.02
        assert down == pytest.approx(across, abs=0.02)


def test_crops_differ_within_and_between_photos_but_not_between_readings(tmp_path: Path) -> None:
    one, other = crops_of(slope(tmp_path, "one.png")), crops_of(slope(tmp_path, "other.png"))
    assert (one[0] != one[1]).any()
    assert (one != other).any()
    assert (one != crops_of(tmp_path / "one.png", pair=1)).any()
    np.testing.assert_array_equal(crops_of(tmp_path / "one.png"), one)


def test_a_crop_may_have_other_colours(tmp_path: Path) -> None:
    path = slope(tmp_path, "slope.png")
    plain = crops_of(path).astype(float)
    means = [crops_of(path, pair, colour=0.3).mean() for pair in range(8)]
    assert np.ptp(means) > 0.2 * plain.mean()
    assert (crops_of(path, colour=0.3) == crops_of(path, colour=0.3)).all()


def test_crops_are_cached_of_training_photos_alone(
    dataset: Dataset, loads: list[str], tmp_path: Path
) -> None:
    crops = cache_crops(dataset, "imagenet", tmp_path, RESNET50, 0, 0.72, 0.0)
    assert tuple(crops.rows) == dataset.splits["train"]
    plain = cache_features(dataset, "imagenet", tmp_path)
    name = dataset.splits["train"][0]
    first, second = (crops.read([name], [mirrored]) for mirrored in (False, True))
    assert (first != plain.read([name], [False])).any()
    grid, mirror = (each[0, :, 0].reshape(7, 7) for each in (first, second))
    assert (grid[:, 0] > grid[:, -1]).all()  # the photos are brighter on the left
    assert (mirror[:, 0] < mirror[:, -1]).all()
    other = cache_crops(dataset, "imagenet", tmp_path, RESNET50, 1, 0.72, 0.0)
    assert (other.read([name], [False]) != first).any()
    smaller = cache_crops(dataset, "imagenet", tmp_path, RESNET50, 0, 0.6, 0.0)
    assert (smaller.read([name], [False]) != first).any()
    coloured = cache_crops(dataset, "imagenet", tmp_path, RESNET50, 0, 0.72, 0.5)
    assert (coloured.read([name], [False]) != first).any()


def test_every_photo_is_cached_plain_and_mirrored(
    dataset: Dataset, loads: list[str], tmp_path: Path
) -> None:
    cache = cache_features(dataset, "imagenet", tmp_path / "cache")
    names = list(dataset.names)
    plain = cache.read(names, [False] * len(names))
    mirrored = cache.read(names, [True] * len(names))
    assert plain.shape == (len(names), CELLS, FEATURES)
    grid, mirror = (each[..., 0].reshape(-1, 7, 7) for each in (plain, mirrored))
    assert (grid[:, :, 0] > grid[:, :, -1]).all()  # the photos are brighter on the left
    np.testing.assert_allclose(mirror, grid[:, :, ::-1], rtol=1e-2)


def test_a_complete_cache_is_opened_without_the_encoder(
    dataset: Dataset, loads: list[str], tmp_path: Path
) -> None:
    first = cache_features(dataset, "imagenet", tmp_path)
    again = cache_features(dataset, "imagenet", tmp_path)
    assert loads == ["imagenet"]
    np.testing.assert_array_equal(first.maps, again.maps)


def test_a_stopped_cache_computes_only_what_it_lacks(
    dataset: Dataset, loads: list[str], tmp_path: Path
) -> None:
    root = tmp_path / "cache"
    complete = np.array(cache_features(dataset, "imagenet", root).maps)
    (folder,) = root.iterdir()
    done = np.lib.format.open_memmap(folder / "done.npy", mode="r+")
    maps = np.lib.format.open_memmap(folder / "maps.npy", mode="r+")
    done[2] = False
    maps[2] = 0
    maps[3, :, 0, 0] = 7  # was finished, so it must be left alone
    done.flush()
    maps.flush()
    resumed = cache_features(dataset, "imagenet", root).maps
    np.testing.assert_array_equal(resumed[2], complete[2])
    assert (resumed[3, :, 0, 0] == 7).all()
    assert len(loads) == 2


def test_a_run_stopped_between_batches_goes_on_with_the_rest(
    dataset: Dataset, loads: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caching, "BATCH", 2)
    opened: list[str] = []

    def stop_at_the_fifth(path: Path, side: int) -> Any:
        if len(opened) == 4:
            raise KeyboardInterrupt
        opened.append(path.name)
        return load_image(path, side)

    monkeypatch.setattr(extract, "load_image", stop_at_the_fifth)
    with pytest.raises(KeyboardInterrupt):
        cache_features(dataset, "imagenet", tmp_path / "cache")
    rest: list[str] = []

    def note(path: Path, side: int) -> Any:
        rest.append(path.name)
        return load_image(path, side)

    monkeypatch.setattr(extract, "load_image", note)
    resumed = cache_features(dataset, "imagenet", tmp_path / "cache")
    assert (opened, rest) == (list(dataset.names[:4]), list(dataset.names[4:]))
    monkeypatch.setattr(extract, "load_image", load_image)
    unstopped = cache_features(dataset, "imagenet", tmp_path / "another")
    np.testing.assert_array_equal(resumed.maps, unstopped.maps)


def test_a_cache_is_read_in_the_order_asked_for(dataset: Dataset) -> None:
    names = dataset.names
    maps = np.arange(len(names) * 2, dtype=np.float16).reshape(-1, 2, 1, 1)
    cache = FeatureCache(maps, {name: row for row, name in enumerate(names)}, "imagenet")
    read = cache.read([names[4], names[0], names[4]], [True, False, False])
    assert read.ravel().tolist() == [9, 0, 8]


def test_other_encoder_weights_get_another_cache(
    dataset: Dataset, loads: list[str], tmp_path: Path
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
        cache_features(dataset, str(tmp_path / name), tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_a_fine_tuned_stage_reads_the_trunk_s_cache_and_gets_a_cache_of_its_own(
    dataset: Dataset, loads: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stage").write_text("fine-tuned")
    root = tmp_path / "cache"
    trunk = cache_trunk(dataset, "imagenet", root)
    assert trunk.maps.shape == (len(dataset.names), 2, TRUNK_CELLS, TRUNK_FEATURES)
    plain = cache_features(dataset, "imagenet", root)
    monkeypatch.setattr(extract, "load_image", None)  # no photo may be read again
    tuned = cache_features(dataset, "imagenet", root, tmp_path / "stage")
    np.testing.assert_allclose(tuned.maps, 2 * plain.maps, rtol=1e-2)
    assert len({trunk.encoder, plain.encoder, tuned.encoder}) == 3
    assert len(list(root.iterdir())) == 3


def test_an_encoder_is_named_by_its_content_and_not_its_place(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text("same")
    assert encoder_id(str(tmp_path / "one")) == encoder_id(str(tmp_path / "two"))
    assert encoder_id("imagenet") == "imagenet"


def test_both_sides_are_what_the_encoder_makes_of_both(
    dataset: Dataset, tmp_path: Path, loads: list[str]
) -> None:
    features = cache_features(dataset, "imagenet", tmp_path)
    names = dataset.splits["train"]
    images = np.stack([load_image(dataset.files[name]) for name in names])
    expected = encode(cheap_encoder("imagenet"), tf.constant(images), both_sides=True).numpy()
    np.testing.assert_allclose(features.read_both_sides(names), expected, rtol=2e-3)


def test_a_cell_s_mirrored_twin_is_as_far_from_the_other_edge(features: FeatureCache) -> None:
    names = list(features.rows)[:2]
    plain, mirrored = (
        features.read(names, [side] * 2).astype(np.float32).reshape(2, 7, 7, FEATURES)
        for side in (False, True)
    )
    found = features.read_both_sides(names).reshape(2, 7, 7, FEATURES)
    np.testing.assert_allclose(found, (plain + mirrored[:, :, ::-1]) / 2, rtol=1e-3)
