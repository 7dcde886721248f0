"""What a confidence is worth: whether it tells good captions from bad ones, and is true."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from training.measure.intervals import share

GOOD = 40.0  # CIDEr-D of a good caption, times 100, against five captions
BINS = 10
SAMPLES = 1000

Floats = npt.NDArray[np.float64]


def confidence(
    confidences: Mapping[str, float], scores: Mapping[str, float], threshold: float | None
) -> dict[str, Any]:
    """AUROC with its bootstrap interval, expected calibration error and reliability.

    `scores` are CIDEr by photo. The calibration error is the mean distance of ten bins of equally
    many photos from the diagonal; `calibration_error_by_chance` is what it would be on average if
    every confidence were true, since so few photos a bin scatter.
    """
    names = list(confidences)
    sure = np.array([confidences[name] for name in names])
    good = np.array([scores[name] >= GOOD for name in names])
    bins = _bins(sure, good)
    return {
        "auroc": _auroc(sure, good),
        "calibration_error": round(_distance(bins), 4),
        "calibration_error_by_chance": round(_by_chance(sure), 4),
        "good": share(int(good.sum()), len(good)),
        "good_if_uncertain": _good(good, sure < threshold) if threshold is not None else None,
        "good_if_certain": _good(good, sure >= threshold) if threshold is not None else None,
        "reliability": bins,
    }


def _distance(bins: list[dict[str, Any]]) -> float:
    photos = sum(each["photos"] for each in bins)
    total = sum(each["photos"] * abs(each["confidence"] - each["good"]) for each in bins)
    return float(total / photos)


def _by_chance(sure: Floats) -> float:
    random = np.random.default_rng(0)
    draws = random.random((SAMPLES, len(sure))) < sure
    return float(np.mean([_distance(_bins(sure, good)) for good in draws]))


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


def _bins(sure: Floats, good: npt.NDArray[np.bool_]) -> list[dict[str, Any]]:
    return [
        {
            "confidence": round(float(sure[rows].mean()), 4),
            "good": round(float(good[rows].mean()), 4),
            "photos": len(rows),
        }
        for rows in np.array_split(np.argsort(sure), min(BINS, len(sure)))
    ]
