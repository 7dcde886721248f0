"""Which dev photos a guide is chosen on together."""

import numpy as np
import pytest

from training.data.dataset import Dataset
from training.data.features import FeatureCache
from training.measure.fit_guide import _dev_photos

pytestmark = pytest.mark.tensorflow

NAMES = ("album/a.png", "album/b.png", "other/c.png")


@pytest.mark.parametrize(
    ("sources", "groups"),
    [(("mine",), [NAMES]), (("album", "other"), [NAMES[:2], NAMES[2:]])],
)
def test_photos_are_grouped_by_source_and_not_by_folder(
    sources: tuple[str, ...], groups: list[tuple[str, ...]]
) -> None:
    splits = {"train": (), "dev": NAMES, "test": ()}
    dataset = Dataset({}, dict.fromkeys(NAMES, ("A dog .",)), splits, sources=sources)
    maps = np.zeros((3, 2, 49, 8), np.float16)
    features = FeatureCache(maps, {name: row for row, name in enumerate(NAMES)}, "imagenet")
    assert [each.names for each in _dev_photos(dataset, features)] == groups
