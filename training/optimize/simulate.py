"""Tags as the tag head would give them, for photos of which only the true tags are known.

A decoder that learns from true tags trusts them blindly; the head's are blurred and sometimes
wrong. So a linear map is fitted from true to given tags, on photos that have both, and the error
that it made on some photo is added.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.data.tags import Floats
from training.optimize.ridge import Targets, out_of_fold, ridge

PENALTY = 20.0
FOLDS = 5


@dataclass(frozen=True)
class TagSimulator:
    """T tags; N photos' errors."""

    kernel: Floats  # [T, T]
    bias: Floats  # [T]
    errors: Floats  # [N, T], given tags less those that the map gives, out of fold

    def __call__(self, true: Floats, random: np.random.Generator) -> Floats:
        """Raw tags [B, T] of true tags [B, T], each with the error of a random photo."""
        errors = self.errors[random.integers(0, len(self.errors), len(true))]
        return np.asarray(true @ self.kernel + self.bias + errors, np.float32)

    def save(self, path: Path) -> None:
        np.savez(path, kernel=self.kernel, bias=self.bias, errors=self.errors)

    @classmethod
    def load(cls, path: Path) -> "TagSimulator":
        with np.load(path) as arrays:
            return cls(**arrays)


def fit_simulator(true: Floats, given: Floats) -> TagSimulator:
    """Of the true tags [N, T] of photos and those that the head gave, out of fold."""
    rows = np.arange(len(true))
    targets = Targets(rows, given, np.ones(len(true), np.float32))
    kernel, bias = ridge(true, targets, PENALTY)
    errors = given - out_of_fold(true, targets, PENALTY, rows % FOLDS)
    return TagSimulator(kernel, bias, errors)
