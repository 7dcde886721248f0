"""Whether a confidence is true: how often what it gives so much for is right."""

from typing import Any

import numpy as np
import numpy.typing as npt

BINS = 10
SAMPLES = 1000

Floats = npt.NDArray[np.float64]


def reliability(sure: Floats, good: npt.NDArray[np.bool_]) -> list[dict[str, Any]]:
    """The mean confidence and the share of good ones, in ten bins of equally many [N]."""
    return [
        {
            "confidence": round(float(sure[rows].mean()), 4),
            "good": round(float(good[rows].mean()), 4),
            "photos": len(rows),
        }
        for rows in np.array_split(np.argsort(sure), min(BINS, len(sure)))
    ]


def calibration_error(bins: list[dict[str, Any]]) -> float:
    """The expected calibration error, a photo's mean distance from the diagonal by its bin."""
    photos = sum(each["photos"] for each in bins)
    total = sum(each["photos"] * abs(each["confidence"] - each["good"]) for each in bins)
    return float(total / photos)


def error_by_chance(sure: Floats) -> float:
    """What the error would be on average if every confidence were true: bins scatter."""
    draws = np.random.default_rng(0).random((SAMPLES, len(sure))) < sure
    return float(np.mean([calibration_error(reliability(sure, good)) for good in draws]))
