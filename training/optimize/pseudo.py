"""Words for photos that have labels but no captions, from captions of photos that are not there.

A photo's neighbours are the absent photos with the same labels, or the most similar. The shares of
words in their captions are what the tag head learns of the photo; the neighbours' captions that
agree best with the tag head's view of the photo become its pseudo-captions.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipy.sparse

from training.data.absent import AbsentPhoto
from training.data.tags import Caption, Floats, TagNames

ENOUGH_SAME = 8  # photos with the very same labels, to do without others
MOST_SAME = 400
NEIGHBOURS = 40  # where there are too few with the same
LENGTHS = range(6, 21)  # words of a pseudo-caption
PSEUDO_CAPTIONS = 3
CHUNK = 256  # photos compared with all absent ones at a time

Rows = npt.NDArray[np.int64]


class AbsentIndex:
    """The captions of absent photos as sparse rows of the grams they hold."""

    def __init__(self, photos: Sequence[AbsentPhoto], names: TagNames) -> None:
        self.captions = [caption for photo in photos for caption in photo.captions]
        self.owners = np.repeat(np.arange(len(photos)), [len(each.captions) for each in photos])
        self._labels = np.stack([names.present(photo.labels) for photo in photos])
        columns = [names.columns_of(caption) for caption in self.captions]
        rows = np.repeat(np.arange(len(columns)), [len(each) for each in columns])
        flat = np.fromiter((c for each in columns for c in each), np.int64)
        shape = (len(columns), len(names.grams))
        ones = np.ones(len(flat), np.float32)
        self._holds = scipy.sparse.csr_matrix((ones, (rows, flat)), shape)
        own = scipy.sparse.csr_matrix(
            (np.ones(len(rows := self.owners), np.float32), (rows, np.arange(len(rows)))),
            (len(photos), len(columns)),
        )
        counts = np.bincount(self.owners, minlength=len(photos)).astype(np.float32)
        self._shares = scipy.sparse.diags(1 / np.maximum(counts, 1)) @ own @ self._holds

    def neighbours(self, labels: Floats) -> list[Rows]:
        """The absent photos nearest to each of the photos with labels [N, objects] of 0 and 1.

        Similarity is the Jaccard index of the two sets of labels.
        """
        found = []
        sizes = self._labels.sum(axis=1)
        for start in range(0, len(labels), CHUNK):
            part = labels[start : start + CHUNK]
            both = part @ self._labels.T
            either = part.sum(axis=1, keepdims=True) + sizes - both
            found += [_nearest(row) for row in both / np.maximum(either, 1)]
        return found

    def shares(self, neighbours: Sequence[Rows]) -> Floats:
        """The mean shares of grams [N, words + pairs] over each photo's neighbours."""
        means = [self._shares[rows].mean(axis=0) for rows in neighbours]
        return np.asarray(np.concatenate(means), np.float32)

    def frequency(self) -> Floats:
        """The share of absent photos whose captions hold each gram: float32 [words + pairs]."""
        photos = self._shares.shape[0]
        return np.asarray((self._shares > 0).sum(axis=0) / photos, np.float32).reshape(-1)

    def pseudo_captions(
        self, neighbours: Sequence[Rows], tags: Floats, idf: Floats
    ) -> list[list[Caption]]:
        """For each photo, its neighbours' captions most like its tags [N, words + pairs].

        They are at most `PSEUDO_CAPTIONS`, each of another neighbour, by the cosine of the grams
        weighted by rarity.
        """
        weighted = self._holds @ scipy.sparse.diags(idf)
        norms = np.sqrt(weighted.multiply(weighted).sum(axis=1)).A1
        unit = (scipy.sparse.diags(1 / np.where(norms > 0, norms, 1)) @ weighted).tocsr()
        firsts = np.searchsorted(self.owners, np.arange(self._shares.shape[0] + 1))
        found = []
        for rows, given in zip(neighbours, np.clip(tags, 0, 1) * idf, strict=True):
            captions = np.concatenate([np.arange(firsts[row], firsts[row + 1]) for row in rows])
            found.append(self._best(captions, unit[captions] @ given))
        return found

    def _best(self, captions: Rows, agreement: Floats) -> list[Caption]:
        taken: dict[int, Caption] = {}
        for place in np.argsort(-agreement, kind="stable"):
            row = int(captions[place])
            if len(self.captions[row]) in LENGTHS:
                taken.setdefault(int(self.owners[row]), self.captions[row])
            if len(taken) == PSEUDO_CAPTIONS:
                break
        return list(taken.values())


def _nearest(similarity: Floats) -> Rows:
    same = np.flatnonzero(similarity > 0.999)
    if len(same) >= ENOUGH_SAME:
        return same[:MOST_SAME]
    return np.argsort(-similarity, kind="stable")[:NEIGHBOURS]
