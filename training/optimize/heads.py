"""The logistic regressions of `models/heads.py`, fitted on pooled features."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from training.data.lexicons.people import gender_of
from training.models.heads import Heads

Floats = npt.NDArray[np.float32]

PEOPLE_C = 3e-4  # inverse strength of the penalty; chosen on dev by the area under the ROC curve
PHOTO_C = 1e-3
LEAST_DEVIATION = 1e-3


def fit_heads(
    pooled: Floats, captions: Sequence[Sequence[Sequence[str]]], photos: Floats, odd: Floats
) -> Heads:
    """Heads for features float32 [N, F] of photos with tokenised captions.

    `photos` [P, F] are all training photos, captioned or not, and `odd` [M, F] pictures that are
    none (`data/oddities.py`). Who is there is taught by the share of a photo's captions that
    mention a man, or a woman.
    """
    mean = photos.mean(axis=0)
    deviation = photos.std(axis=0) + LEAST_DEVIATION
    inputs = (pooled - mean) / deviation
    genders = [[gender_of(caption) for caption in group] for group in captions]
    fitted = [
        _fit_shares(inputs, np.array([_share(group, gender) for group in genders]))
        for gender in ("male", "female")
    ]
    pictures = (np.concatenate([photos, odd]) - mean) / deviation
    is_photo = np.arange(len(pictures)) < len(photos)
    fitted.append(
        LogisticRegression(C=PHOTO_C, max_iter=1000, class_weight="balanced").fit(
            pictures, is_photo
        )
    )
    weights = np.stack([each.coef_[0] for each in fitted], axis=1)
    bias = np.array([each.intercept_[0] for each in fitted])
    return Heads(mean, deviation, weights.astype(np.float32), bias.astype(np.float32))


def _share(genders: Sequence[str | None], gender: str) -> float:
    return sum(each in (gender, "both") for each in genders) / len(genders)


def _fit_shares(inputs: Floats, shares: npt.NDArray[np.float64]) -> LogisticRegression:
    """Logistic regression to shares: each photo is a row of either class, weighted."""
    rows = np.concatenate([inputs, inputs])
    classes = np.repeat([True, False], len(shares))
    weights = np.concatenate([shares, 1 - shares])
    return LogisticRegression(C=PEOPLE_C, max_iter=1000).fit(rows, classes, weights)
