"""Shares and means with the interval they are known to."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Z95 = 1.959964  # standard deviations that hold 95% of a normal distribution


def wilson(hits: int, total: int) -> tuple[float, float]:
    """95% interval of a share, `hits` of `total` (E. B. Wilson 1927); (0, 1) of none."""
    if total == 0:
        return 0.0, 1.0
    share = hits / total
    centre = share + Z95**2 / (2 * total)
    spread = Z95 * math.sqrt(share * (1 - share) / total + Z95**2 / (4 * total**2))
    scale = 1 + Z95**2 / total
    # At the ends the exact bounds are 0 and 1; rounding would leave a trace.
    low = 0.0 if hits == 0 else (centre - spread) / scale
    high = 1.0 if hits == total else (centre + spread) / scale
    return low, high


def share(hits: int, total: int) -> dict[str, Any]:
    """A share as the audit's JSON gives it: `share`, its 95% `interval`, `hits` and `of`.

    The share of none is None.
    """
    return {
        "share": round(hits / total, 4) if total else None,
        "interval": [round(bound, 4) for bound in wilson(hits, total)],
        "hits": hits,
        "of": total,
    }


def mean(values: npt.NDArray[np.float64], samples: int = 1000, seed: int = 0) -> dict[str, Any]:
    """A mean with its 95% bootstrap interval: `mean`, `interval`, `of`; None where `of` is 0."""
    if len(values) == 0:
        return {"mean": None, "interval": None, "of": 0}
    random = np.random.default_rng(seed)
    draws = values[random.integers(len(values), size=(samples, len(values)))].mean(axis=1)
    low, high = np.percentile(draws, [2.5, 97.5])
    return {
        "mean": round(float(values.mean()), 4),
        "interval": [round(float(low), 4), round(float(high), 4)],
        "of": len(values),
    }


def score_rows(scores: Mapping[str, Any]) -> list[str]:
    """A table's row for each metric, with its interval."""
    return [
        f"| {name} | {each['score']:.1f} | {each['interval'][0]:.1f} to {each['interval'][1]:.1f} |"
        for name, each in scores.items()
    ]
