from collections import Counter

import numpy as np
import pytest

from training.batches import Batch, TrainingData, pad
from training.config import DecoderConfig, TrainConfig
from training.dataset import Dataset
from training.features import FeatureCache
from training.text import PAD, Vocabulary

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


def test_long_captions_are_cut_without_an_end(
    dataset: Dataset, features: FeatureCache, vocabulary: Vocabulary
) -> None:
    config = CONFIG.model_copy(update={"max_words": 3})
    (end,) = vocabulary.encode([])[1:]
    for batch in TrainingData(dataset, features, vocabulary, config).epoch(seed=0):
        assert batch.tokens.shape[1] <= 3 + 2
        for ids in batch.tokens.numpy().tolist():
            words = vocabulary.decode(ids[1:])
            assert len(words) <= 4
            assert (len(words) == 4) == (end not in ids)


def test_captions_are_padded_to_the_longest_and_know_their_image() -> None:
    tokens, owners = pad([[[1, 5, 2], [1, 2]], [[1, 6, 7, 2]]])
    np.testing.assert_array_equal(tokens, [[1, 5, 2, PAD], [1, 2, PAD, PAD], [1, 6, 7, 2]])
    assert owners.tolist() == [0, 0, 1]
