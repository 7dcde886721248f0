"""Weighted ridge regression, the tag head's fit, and its outputs out of fold.

A decoder must not train on tags of photos that the head was fitted to: it would trust them more
than those of new photos deserve. So each training photo's tags come from a head fitted without it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Targets:
    """What some photos' tags shall be; N photos, T tags."""

    rows: Rows  # [N], of the features
    tags: Floats  # [N, T]
    weights: Floats  # [N], how much each photo counts

    def part(self, chosen: npt.NDArray[np.bool_]) -> "Targets":
        """Of the chosen ones among the N photos."""
        return Targets(self.rows[chosen], self.tags[chosen], self.weights[chosen])


def ridge(features: Floats, targets: Targets, penalty: float) -> tuple[Floats, Floats]:
    """Kernel [F, T] and bias [T] of the weighted least squares with a penalty on the kernel.

    In closed form, kernel = (X'wX + penalty I)^-1 X'wY, with X and Y around their weighted means.
    """
    given, weights = features[targets.rows], targets.weights[:, np.newaxis]
    total = weights.sum()
    mean_given = (weights * given).sum(axis=0) / total
    mean_tags = (weights * targets.tags).sum(axis=0) / total
    root = np.sqrt(weights)
    centred = (given - mean_given) * root
    products = centred.T @ centred
    products[np.diag_indices_from(products)] += penalty
    kernel = np.linalg.solve(products, centred.T @ ((targets.tags - mean_tags) * root))
    bias = mean_tags - mean_given @ kernel
    return kernel.astype(np.float32), bias.astype(np.float32)


def out_of_fold(
    features: Floats, targets: Targets, penalty: float, folds: npt.NDArray[np.int64]
) -> Floats:
    """Tags [N, T] of the targets' photos, each from a fit without the photos of its fold.

    `folds` [photos] numbers the fold of every row of the features, so that several targets can
    share them.
    """
    found = np.empty_like(targets.tags)
    mine = folds[targets.rows]
    for fold in np.unique(mine):
        kernel, bias = ridge(features, targets.part(mine != fold), penalty)
        found[mine == fold] = features[targets.rows[mine == fold]] @ kernel + bias
    return found
