from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.conftest import TRAIN
from tests.training.shapes import CELLS, FEATURES
from training.config import DecoderConfig, TrainConfig
from training.data.batches import BUCKETS, Batch, TrainingData, pad
from training.data.dataset import Dataset
from training.data.features import FeatureCache
from training.data.text import END, PAD, START, UNK, Vocabulary

pytestmark = pytest.mark.tensorflow

CONFIG = TrainConfig(decoder=DecoderConfig(architecture="lstm"), batch_images=2, min_count=1)


@pytest.fixture
def vocabulary(dataset: Dataset) -> Vocabulary:
    return Vocabulary.from_captions(
        (tokens for name in dataset.splits["train"] for tokens in dataset.tokens(name)), 1
    )


def captions_of(batches: list[Batch], vocabulary: Vocabulary) -> Counter[str]:
    return Counter(
        " ".join(vocabulary.decode(ids))
        for batch in batches
        for ids in batch.tokens.numpy()[:, 1:].tolist()
    )


def test_an_epoch_holds_every_training_caption_once(
    dataset: Dataset, features: FeatureCache, vocabulary: Vocabulary
) -> None:
    data = TrainingData(dataset, features, vocabulary, CONFIG)
    batches = list(data.epoch(seed=1))
    expected = Counter(
        " ".join(tokens) for name in dataset.splits["train"] for tokens in dataset.tokens(name)
    )
    assert captions_of(batches, vocabulary) == expected
    assert len(batches) == data.steps()


def test_captions_stand_beside_their_own_photo(
    dataset: Dataset, features: FeatureCache, vocabulary: Vocabulary
) -> None:
    config = CONFIG.model_copy(update={"mirror": False})
    for batch in TrainingData(dataset, features, vocabulary, config).epoch(seed=2):
        for ids, owner in zip(batch.tokens.numpy(), batch.owners.numpy(), strict=True):
            caption = " ".join(vocabulary.decode(ids[1:].tolist()))
            names = [
                name
                for name in dataset.splits["train"]
                if caption in map(" ".join, dataset.tokens(name))
            ]
            maps = features.read(names, [False] * len(names))
            assert any((batch.maps[owner].numpy() == each).all() for each in maps)


def test_a_seed_decides_the_epoch(
    dataset: Dataset, features: FeatureCache, vocabulary: Vocabulary
) -> None:
    data = TrainingData(dataset, features, vocabulary, CONFIG)

    def epoch(seed: int) -> list[bytes]:
        return [batch.maps.numpy().tobytes() for batch in data.epoch(seed)]

    assert epoch(1) == epoch(1)
    assert any(epoch(1) != epoch(seed) for seed in range(2, 6))


def test_photos_are_mirrored_at_times_but_never_where_a_caption_names_a_side(
    dataset: Dataset, features: FeatureCache, vocabulary: Vocabulary
) -> None:
    data = TrainingData(dataset, features, vocabulary, CONFIG)
    sided = features.rows["blue.png"]
    seen = set()
    for seed in range(10):
        for batch in data.epoch(seed):
            for maps in batch.maps.numpy():
                mirrored = maps.min() >= 50
                seen.add(mirrored)
                assert not (maps == features.maps[sided, 1]).all()
    assert seen == {True, False}


def cropped(features: FeatureCache) -> FeatureCache:
    """With two pairs of crops, which are 200 and 400 more than the photos."""
    pairs = (FeatureCache(features.maps + more, features.rows, "crops") for more in (200, 400))
    return replace(features, crops=tuple(pairs))


def test_a_share_of_the_photos_are_crops(lengthy: Dataset, numbered: FeatureCache) -> None:
    data = training_data(lengthy, cropped(numbered), crop_share=0.6, crop_pairs=2)
    batches = [batch for seed in range(8) for batch in data.epoch(seed)]
    values = np.concatenate([batch.maps.numpy()[:, 0, 0] for batch in batches])
    images = np.concatenate([batch.images.numpy() for batch in batches])
    np.testing.assert_array_equal(values % 100, images)  # of the photo itself, cropped or not
    for pair in (200, 400):
        of_pair = (values >= pair) & (values < pair + 200)
        assert 0.2 < of_pair.mean() < 0.4
        assert 0.3 < (values % 200 >= 100)[of_pair].mean() < 0.7  # half of them mirrored
    assert not np.isin([107, 307, 507], values).any()  # its captions name a side


def test_without_a_share_no_photo_is_a_crop(lengthy: Dataset, numbered: FeatureCache) -> None:
    for batch in training_data(lengthy, cropped(numbered)).epoch(seed=1):
        assert batch.maps.numpy().max() < 200


def test_long_captions_are_cut_and_lose_their_end(
    dataset: Dataset, features: FeatureCache, vocabulary: Vocabulary
) -> None:
    config = CONFIG.model_copy(update={"max_words": 3})
    drawn = [
        ids[ids != PAD].tolist()
        for batch in TrainingData(dataset, features, vocabulary, config).epoch(seed=0)
        for ids in batch.tokens.numpy()
    ]
    whole = [vocabulary.encode(c) for name in TRAIN for c in dataset.tokens(name)]
    assert any(len(ids) > 3 + 2 for ids in whole)
    expected = [ids if len(ids) <= 3 + 2 else ids[: 1 + 3] for ids in whole]
    assert sorted(drawn) == sorted(expected)


def test_captions_are_padded_to_the_longest_and_know_their_image() -> None:
    tokens, owners = pad([[[1, 5, 2], [1, 2]], [[1, 6, 7, 2]]])
    np.testing.assert_array_equal(tokens, [[1, 5, 2, PAD], [1, 2, PAD, PAD], [1, 6, 7, 2]])
    assert owners.tolist() == [0, 0, 1]


MANY = tuple(f"{i}.jpg" for i in range(45))


@pytest.fixture
def lengthy(tmp_path: Path) -> Dataset:
    """Photos whose longest captions have 1 to 25 words; photo 7's name a side."""
    captions: dict[str, tuple[str, ...]] = {
        name: (" ".join(f"w{i}x{n}" for n in range(1 + i * 7 % 25)), f"w{i}x0", f"w{i}x0 short")
        for i, name in enumerate(MANY)
    }
    captions["7.jpg"] = ("to the right w7x0", "w7x0")
    return Dataset({}, captions, {"train": MANY, "dev": (), "test": ()})


@pytest.fixture
def numbered() -> FeatureCache:
    """The maps of photo i are full of i, mirrored of i + 100."""
    values = np.add.outer(np.arange(len(MANY)), [0, 100]).astype(np.float16)
    maps = np.broadcast_to(values[..., np.newaxis, np.newaxis], (*values.shape, CELLS, FEATURES))
    return FeatureCache(maps, {name: row for row, name in enumerate(MANY)}, "imagenet")


def training_data(dataset: Dataset, features: FeatureCache, **changes: Any) -> TrainingData:
    config = CONFIG.model_copy(update=changes)
    return TrainingData(dataset, features, words_of(dataset), config)


def words_of(dataset: Dataset) -> Vocabulary:
    return Vocabulary.from_captions((each for name in MANY for each in dataset.tokens(name)), 1)


@pytest.mark.parametrize("batch_images", [1, 4, 100])
def test_captions_of_any_length_are_drawn_once_beside_their_photo(
    lengthy: Dataset, numbered: FeatureCache, batch_images: int
) -> None:
    vocabulary = words_of(lengthy)
    data = training_data(lengthy, numbered, batch_images=batch_images, max_words=30)
    drawn: Counter[tuple[str, str]] = Counter()
    batches = list(data.epoch(seed=3))
    for batch in batches:
        assert 1 <= len(batch.maps) <= batch_images
        photos = [int(value) % 100 for value in batch.maps[:, 0, 0].numpy()]
        for ids, owner in zip(batch.tokens.numpy(), batch.owners.numpy(), strict=True):
            drawn[MANY[photos[owner]], " ".join(vocabulary.decode(ids[1:].tolist()))] += 1
    assert drawn == Counter(
        (name, " ".join(tokens)) for name in MANY for tokens in lengthy.tokens(name)
    )
    assert len(batches) == data.steps()


def test_a_batch_s_longest_captions_are_of_one_bucket(
    lengthy: Dataset, numbered: FeatureCache
) -> None:
    vocabulary = words_of(lengthy)
    for batch in training_data(lengthy, numbered, batch_images=4, max_words=30).epoch(seed=0):
        photos = [int(value) % 100 for value in batch.maps[:, 0, 0].numpy()]
        longest = [
            max(len(vocabulary.encode(tokens)) for tokens in lengthy.tokens(MANY[photo]))
            for photo in photos
        ]
        assert batch.tokens.shape[1] == max(longest)
        assert len({sum(length > bound for bound in BUCKETS) for length in longest}) == 1


def test_neither_a_left_nor_a_right_is_ever_mirrored_and_the_rest_half_of_the_time(
    lengthy: Dataset, numbered: FeatureCache
) -> None:
    data = training_data(lengthy, numbered, batch_images=100)
    mirrored = Counter(
        int(value) - 100
        for seed in range(8)
        for batch in data.epoch(seed)
        for value in batch.maps[:, 0, 0].numpy()
        if value >= 100
    )
    assert 7 not in mirrored
    assert 0.4 < mirrored.total() / (8 * (len(MANY) - 1)) < 0.6


def test_without_mirror_every_photo_stays_as_it_is(
    lengthy: Dataset, numbered: FeatureCache
) -> None:
    for batch in training_data(lengthy, numbered, mirror=False).epoch(seed=0):
        assert batch.maps.numpy().max() < 100


def test_a_caption_of_just_max_words_keeps_its_end(
    lengthy: Dataset, numbered: FeatureCache
) -> None:
    vocabulary = words_of(lengthy)
    drawn = [
        ids[ids != PAD].tolist()
        for batch in training_data(lengthy, numbered, max_words=8).epoch(seed=0)
        for ids in batch.tokens.numpy()
    ]
    kept = [ids for ids in drawn if len(vocabulary.decode(ids[1:])) == 8 and END in ids]
    assert {len(ids) for ids in kept} == {1 + 8 + 1}
    assert max(map(len, drawn)) == 1 + 8 + 1


def test_rare_words_are_unknown_to_the_batches(lengthy: Dataset, numbered: FeatureCache) -> None:
    captions = (tokens for name in MANY for tokens in lengthy.tokens(name))
    vocabulary = Vocabulary.from_captions(captions, min_count=10)  # "short" alone
    data = TrainingData(lengthy, numbered, vocabulary, CONFIG)
    seen = {int(i) for batch in data.epoch(seed=0) for i in batch.tokens.numpy().ravel()}
    assert seen == {PAD, START, END, UNK, vocabulary.words.index("short")}


def test_a_photo_of_more_weight_is_drawn_more_often(
    lengthy: Dataset, numbered: FeatureCache
) -> None:
    weights = {MANY[0]: 3.0, MANY[1]: 0.5}
    data = training_data(replace(lengthy, weights=weights), numbered, batch_images=4)
    drawn = Counter(
        int(image) for seed in range(40) for batch in data.epoch(seed) for image in batch.images
    )
    assert (drawn[0], drawn[2]) == (3 * 40, 40)
    assert 8 <= drawn[1] <= 32
    assert data.steps() >= training_data(lengthy, numbered, batch_images=4).steps()
