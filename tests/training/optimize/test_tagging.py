"""Tags fitted to photos whose features say outright what is in them."""

from pathlib import Path

import numpy as np
import pytest

from training.config import TagConfig
from training.data.dataset import Dataset
from training.data.features import FeatureCache
from training.data.formats.source import Text
from training.optimize.tag_folder import TagData, load_tags
from training.optimize.tagging import fit_tags

pytestmark = pytest.mark.tensorflow

THINGS = ("bus", "cat", "dog", "kite")
CONFIG = TagConfig(
    min_count=1, min_text_count=1, tag_photos=2, word_text_photos=2, pair_text_photos=2, penalty=1.0
)


def caption(thing: str) -> str:
    return f"There is a {thing} in the picture ."


def everyday(labelled: int = 12, channels: int = 8) -> tuple[Dataset, FeatureCache]:
    """Captioned photos, labelled ones and absent ones; no caption of a photo names a kite."""
    train = {f"train-{i}": THINGS[i % 3] for i in range(24)}
    more = {f"more-{i}": THINGS[i % 4] for i in range(labelled)}
    held = {"dev": "cat", "test": "dog"}
    there = train | more | held
    dataset = Dataset(
        files={},
        captions={name: (caption(thing),) * 2 for name, thing in (train | held).items()},
        splits={"train": tuple(train), "dev": ("dev",), "test": ("test",)},
        labels={name: (thing,) for name, thing in there.items()},
        uncaptioned=tuple(more),
        texts=tuple(
            Text(f"absent-{i}", (THINGS[i % 4],), f"A nice {THINGS[i % 4]} is in the picture {i}")
            for i in range(40)
        ),
    )
    random = np.random.default_rng(0)
    maps = random.normal(0, 0.05, (len(there), 2, 49, channels))
    for row, thing in enumerate(there.values()):
        maps[row, ..., THINGS.index(thing)] += 1
    rows = {name: row for row, name in enumerate(there)}
    return dataset, FeatureCache(maps.astype(np.float16), rows, "imagenet")


@pytest.fixture(scope="module")
def found() -> TagData:
    return fit_tags(*everyday(), CONFIG)


def test_the_head_tells_objects_and_their_words(found: TagData) -> None:
    _, features = everyday()
    pooled = features.maps[[features.rows["dev"]], 0].astype(np.float32).mean(axis=1)
    (tags,) = found.head.tags(pooled)
    names = found.head.names
    assert names.objects == THINGS
    assert tags[: len(THINGS)].argmax() == THINGS.index("cat")
    columns = {word: tags[len(THINGS) + names.words.index(word)] for word in THINGS}
    assert max(columns, key=lambda word: columns[word]) == "cat"


def test_photos_with_labels_only_teach_words_that_no_caption_has(found: TagData) -> None:
    column = len(THINGS) + found.head.names.words.index("kite")
    kites = found.of(["more-3", "more-7"])[:, column]
    others = found.of(["more-0", "train-1"])[:, column]
    assert kites.min() > others.max()


def test_they_get_captions_of_absent_photos_with_the_same_labels(found: TagData) -> None:
    assert set(found.pseudo) == {f"more-{i}" for i in range(12)}
    for i in range(12):
        assert all(THINGS[i % 4] in text.split() for text in found.pseudo[f"more-{i}"])


def test_pseudo_captioned_photos_join_the_training_photos(found: TagData) -> None:
    dataset, _ = everyday()
    joined = found.with_pseudo_captions(dataset, 0.5)
    assert joined.splits["train"] == found.photos
    assert joined.splits["dev"] == ("dev",)
    assert (joined.weight("more-3"), joined.weight("train-3")) == (0.5, 1.0)
    assert "kite" in joined.tokens("more-3")[0]


def test_tags_survive_the_disk(found: TagData, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="run `python -m training tag` first"):
        load_tags(tmp_path)
    found.save(tmp_path / "tags")
    loaded = load_tags(tmp_path / "tags")
    assert loaded.vocabulary.words == found.vocabulary.words
    assert loaded.pseudo == found.pseudo
    np.testing.assert_array_equal(loaded.of(["train-2"]), found.of(["train-2"]))
    assert loaded.simulator is not None


def test_captions_alone_are_enough_for_tags() -> None:
    dataset, features = everyday(labelled=0)
    plain = Dataset(dataset.files, dataset.captions, dataset.splits)
    found = fit_tags(plain, features, CONFIG)
    assert found.head.names.objects == ()
    assert found.pseudo == {}
    assert found.simulator is None
    assert found.tags.shape == (24, len(found.head.names.words))
