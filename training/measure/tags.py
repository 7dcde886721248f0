"""How well the tag head tells the objects and words of the dev photos."""

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score

from training.data.dataset import Dataset
from training.data.features import FeatureCache
from training.data.tags import Floats
from training.optimize.tag_folder import TagData

FEWEST = 2  # dev photos that have a tag, for its average precision to say something


def tag_scores(dataset: Dataset, features: FeatureCache, found: TagData) -> dict[str, float]:
    """Mean average precision over the objects and over the words, where dev has any."""
    names, dev = found.head.names, dataset.splits["dev"]
    tags = found.head.tags(features.pooled(dev))
    objects, words = tags[:, : len(names.objects)], tags[:, len(names.objects) : names.read]
    labelled = [row for row, name in enumerate(dev) if name in dataset.labels]
    there = [names.present(dataset.labels[dev[row]]) for row in labelled]
    said = [names.shares(dataset.tokens(name))[: len(names.words)] for name in dev]
    scores = {"words": mean_average_precision(np.stack(said) > 0, words)}
    if there:
        scores["objects"] = mean_average_precision(np.stack(there) > 0, objects[labelled])
    return scores


def mean_average_precision(true: npt.NDArray[np.bool_], tags: Floats) -> float:
    """Over the columns that enough photos have; NaN if none has."""
    columns = np.flatnonzero(true.sum(axis=0) >= FEWEST)
    each = [average_precision_score(true[:, column], tags[:, column]) for column in columns]
    return float(np.mean(each)) if each else float("nan")
