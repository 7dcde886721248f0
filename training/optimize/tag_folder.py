"""What `python -m training tag` writes, and training reads again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from training.data.dataset import Dataset
from training.data.features import FeatureCache
from training.data.tags import Floats
from training.data.text import Vocabulary
from training.models.tagger import TagHead
from training.optimize.run_folder import TAGGER, VOCABULARY
from training.optimize.simulate import TagSimulator

TAGS = "tags.npz"
PSEUDO = "pseudo-captions.json"
SIMULATOR = "simulator.npz"


@dataclass(frozen=True)
class TagData:
    """The tag head, and what it makes of the training photos and for them."""

    vocabulary: Vocabulary
    head: TagHead
    photos: tuple[str, ...]  # with captions first, then those with labels only
    tags: Floats  # [photos, objects + words], of heads that did not see the photo
    pseudo: dict[str, list[str]]  # captions of photos that have labels only, by name
    simulator: TagSimulator | None  # without captioned photos that have labels there is none

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.photos)}

    def of(self, names: Sequence[str]) -> Floats:
        """Raw tags [B, objects + words] of training photos."""
        return np.asarray(self.tags[[self._rows[name] for name in names]], np.float32)

    def of_new(self, features: FeatureCache, names: Sequence[str]) -> Floats:
        """Raw tags [B, objects + words] of photos that the head was not fitted to."""
        return self.head.tags(features.pooled(names))[:, : self.head.names.read]

    def with_pseudo_captions(self, dataset: Dataset, weight: float) -> Dataset:
        """The data set with the pseudo-captioned photos among its training photos."""
        return replace(
            dataset,
            captions={**dataset.captions, **{n: tuple(each) for n, each in self.pseudo.items()}},
            splits={**dataset.splits, "train": (*dataset.splits["train"], *self.pseudo)},
            weights={**dataset.weights, **dict.fromkeys(self.pseudo, weight)},
        )

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.vocabulary.save(folder / VOCABULARY)
        self.head.save(folder / TAGGER)
        np.savez(folder / TAGS, photos=np.array(self.photos, np.str_), tags=self.tags)
        (folder / PSEUDO).write_text(json.dumps(self.pseudo, indent=0) + "\n", encoding="utf-8")
        (folder / SIMULATOR).unlink(missing_ok=True)
        if self.simulator:
            self.simulator.save(folder / SIMULATOR)


def load_tags(folder: Path) -> TagData:
    """Raises FileNotFoundError where `python -m training tag` has not run."""
    if not (folder / TAGS).is_file():
        raise FileNotFoundError(f"{folder / TAGS} is missing; run `python -m training tag` first")
    with np.load(folder / TAGS) as arrays:
        photos, tags = tuple(map(str, arrays["photos"])), arrays["tags"]
    simulator = folder / SIMULATOR
    return TagData(
        Vocabulary.load(folder / VOCABULARY),
        TagHead.load(folder / TAGGER),
        photos,
        tags,
        json.loads((folder / PSEUDO).read_text(encoding="utf-8")),
        TagSimulator.load(simulator) if simulator.is_file() else None,
    )
