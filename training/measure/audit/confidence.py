"""What a confidence is worth: whether it tells good captions from bad ones, and is true."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from training.measure.intervals import share
from training.measure.reliability import calibration_error, error_by_chance, reliability

GOOD = 40.0  # CIDEr-D of a good caption, times 100, against five captions
SAMPLES = 1000

Floats = npt.NDArray[np.float64]


def confidence(
    confidences: Mapping[str, float], scores: Mapping[str, float], threshold: float | None
) -> dict[str, Any]:
    """AUROC with its bootstrap interval, expected calibration error and reliability.

    `scores` are CIDEr by photo. Raises ValueError if all captions are good, or none.
    """
    names = list(confidences)
    sure = np.array([confidences[name] for name in names])
    good = np.array([scores[name] >= GOOD for name in names])
    if good.all() or not good.any():
        raise ValueError(
            f"{'all' if good.all() else 'none'} of the {len(good)} captions reach a CIDEr of "
            f"{GOOD:g}, so that their confidence has nothing to tell apart; name the other "
            "--sections"
        )
    bins = reliability(sure, good)
    return {
        "auroc": _auroc(sure, good),
        "calibration_error": round(calibration_error(bins), 4),
        "calibration_error_by_chance": round(error_by_chance(sure), 4),
        "good": share(int(good.sum()), len(good)),
        "good_if_uncertain": _good(good, sure < threshold) if threshold is not None else None,
        "good_if_certain": _good(good, sure >= threshold) if threshold is not None else None,
        "reliability": bins,
    }


def _good(good: npt.NDArray[np.bool_], chosen: npt.NDArray[np.bool_]) -> dict[str, Any]:
    return share(int(good[chosen].sum()), int(chosen.sum()))


def _auroc(sure: Floats, good: npt.NDArray[np.bool_]) -> dict[str, Any]:
    random = np.random.default_rng(0)
    draws = []
    for _ in range(SAMPLES):
        rows = random.integers(len(sure), size=len(sure))
        if 0 < good[rows].sum() < len(rows):
            draws.append(roc_auc_score(good[rows], sure[rows]))
    low, high = np.percentile(draws, [2.5, 97.5])
    return {
        "score": round(float(roc_auc_score(good, sure)), 4),
        "interval": [round(float(low), 4), round(float(high), 4)],
    }
