"""What a caption is worth that no decoder wrote: floors under every score.

`constant` gives every photo the training caption that is most like all the others. `neighbours`
gives it the one most like the other captions of the training photos nearest to it (Devlin et
al. 2015, "Exploring Nearest Neighbor Approaches for Image Captioning").
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from training.data.dataset import Dataset
from training.data.features import FeatureCache
from training.data.ngrams import Rarity, Vectors, consensus
from training.measure.metrics import image_statistics

NEIGHBOURS = (20, 60, 120)  # numbers of photos to try


class Baselines:
    """The training captions, ready to be chosen from."""

    def __init__(self, dataset: Dataset, features: FeatureCache) -> None:
        self._dataset = dataset
        self._names = dataset.splits["train"]
        self._captions = {name: dataset.tokens(name) for name in self._names}
        rarity = Rarity(self._captions)
        self._vectors = {
            name: [rarity.vectors(each) for each in group] for name, group in self._captions.items()
        }
        self._features = features
        self._pooled = self._pool(self._names)

    def constant(self, split: str) -> dict[str, str]:
        """The same caption for every photo of a split."""
        return dict.fromkeys(self._dataset.splits[split], self._most_typical(self._names))

    def neighbours(self, split: str, count: int) -> dict[str, str]:
        """The consensus caption of the `count` nearest training photos for each of a split."""
        names = self._dataset.splits[split]
        nearest = np.argsort(-(self._pool(names) @ self._pooled.T), axis=1)[:, :count]
        return {
            name: self._most_typical([self._names[row] for row in rows])
            for name, rows in zip(
                tqdm(names, f"{count} neighbours", mininterval=1, leave=False), nearest, strict=True
            )
        }

    def best_count(self) -> int:
        """How many neighbours give the best CIDEr on dev."""
        references = self._dataset.references("dev")
        ciders = {
            count: image_statistics(
                self.neighbours("dev", count), references, meteor=False
            ).scores()["CIDEr"]
            for count in NEIGHBOURS
        }
        return max(ciders, key=lambda count: ciders[count])

    def _most_typical(self, names: Sequence[str]) -> str:
        return most_typical(self._captions, self._vectors, names)

    def _pool(self, names: Sequence[str]) -> npt.NDArray[np.float32]:
        """Unit vectors float32 [B, channels] of the photos as they are."""
        rows = [self._features.rows[name] for name in names]
        pooled = np.stack(
            [self._features.maps[row, 0].mean(axis=0, dtype=np.float32) for row in rows]
        )
        unit: npt.NDArray[np.float32] = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
        return unit


def most_typical(
    captions: Mapping[str, Sequence[Sequence[str]]],
    vectors: Mapping[str, Sequence[Vectors]],
    names: Sequence[str],
) -> str:
    """Of the photos' captions the one that is most like all of them, words joined by spaces."""
    scores = consensus(each for name in names for each in vectors[name])
    words = [each for name in names for each in captions[name]]
    return " ".join(words[int(np.argmax(scores))])
