"""A tiny data set and a model whose captions are known, for an audit from end to end."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from training.data.dataset import Dataset
from training.measure.artifact import Answer
from training.measure.audit import report
from training.measure.audit.robustness import Pixels

CAPTIONS = {
    "woman": ("A woman runs in a street", "A lady runs on a road", "A woman jogs on the street"),
    "man": ("A man rides a bike", "A man on a bike", "A man on a red bike"),
    "dog": ("A dog in the snow", "A brown dog in snow", "The dog runs in the snow"),
    "boy": ("A boy kicks a ball", "A boy with a ball", "A child kicks a ball"),
}
LABELS = {"woman": ("person",), "man": ("person", "bicycle"), "dog": ("dog",), "boy": ("person",)}


@contextmanager
def small_audits() -> Iterator[None]:
    """Audits of the fake, with one odd picture of each kind and without Java."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "Artifact", FakeArtifact)
        patch.setattr(report, "ODD_PICTURES", 1)
        patch.setattr(report, "have_java", lambda: False)
        yield


def tiny_dataset(root: Path) -> Dataset:
    """Four photos, each brighter than the one before, that are train, dev and test at once."""
    files = {}
    for shade, name in enumerate(CAPTIONS):
        grain = np.random.default_rng(shade).integers(0, 20, (32, 32, 3), np.uint8)
        files[name] = root / f"{name}.png"
        Image.fromarray(grain + np.uint8(60 * shade)).save(files[name])
    names = tuple(CAPTIONS)
    splits = {"train": names, "dev": names, "test": names}
    return Dataset(files=files, captions=CAPTIONS, splits=splits, labels=LABELS)


class FakeArtifact:
    """Says what its brightness makes it think of, as the real class does."""

    threshold = 0.3
    has_people = True
    has_thresholds = True

    def __init__(self, folder: Path, engine: str = "tensorflow", people: str = "seen") -> None:
        self.people = people
        self.manifest: dict[str, Any] = {
            "name": "fake",
            "version": "3",
            "files": {"vocabulary.txt": "0"},
            "search": {"beam_size": 1, "max_length": 20, "length_penalty": 0.7},
        }

    def caption(self, pixels: Pixels) -> list[Answer]:
        return [self._answer(each) for each in pixels]

    def _answer(self, pixels: Pixels) -> Answer:
        light = float(pixels.mean())
        someone = "person" if self.people == "neutral" else "man"
        words = ["a", someone, "rides", "a", "bike"] if light < 100 else ["a", "dog", "in", "snow"]
        cells = pixels[..., 0].reshape(7, 32, 7, 32).mean(axis=(1, 3)) / 255
        log_probs = np.full(len(words) + 1, -1 - light / 255, np.float32)
        maps = np.repeat(cells[np.newaxis], len(words) + 1, axis=0).astype(np.float32)
        return Answer([words], [log_probs], maps, 0.2 + light / 400)
