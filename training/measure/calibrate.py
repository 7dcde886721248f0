"""A confidence that means something: how likely a caption is to be a good one.

Fitted on the dev split and on odd pictures that no caption suits, by logistic regression; then
measured on the test split and on other odd pictures. What goes in is what the artifact's
signature gives: log-probabilities, and how far the attention singles out a cell (`focus`), which
is what tells odd pictures from photos.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score

from training.data.dataset import Dataset
from training.data.features import FeatureCache
from training.measure.metrics import image_statistics
from training.measure.oddities import Pixels, oddities
from training.measure.reliability import calibration_error, reliability
from training.models.encoder import encode, load_encoder
from training.optimize.run_folder import (
    CALIBRATION,
    load_run,
    stage_of,
    tuned_options,
    weights_of,
)
from training.provenance import provenance
from training.search.generate import BATCH, Beams, Generator, SearchOptions

GOOD = 0.4  # CIDEr-D against five captions; about half of the captions reach it
ODDITIES = 50  # of each kind, for the fit and again for the measurement
ODDITY_WEIGHT = 2.0  # of each of them in the fit: they are few, and they must not look sure
KNEE = 0.25  # share of photos whose attention is less focused than where its lack begins to count
ODDITIES_FOUND = 0.95  # share that shall be called uncertain
PHOTOS_SPARED = 0.75  # share of photos that shall not be, which goes first

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Signals:
    """What is known of captions without their references, one an image."""

    log_prob: Floats  # mean over the tokens
    focus: Floats  # log of the most attention a token gave a cell over an even share, or 0

    @classmethod
    def of(cls, found: Iterable[Beams], length_penalty: float) -> "Signals":
        rows = [_signals(beams, length_penalty) for beams in found]
        return cls(*np.array(rows, np.float64).T)


def _signals(beams: Beams, length_penalty: float) -> tuple[float, float]:
    best = beams.first(length_penalty)
    length = beams.lengths[best]
    attention = beams.attention[best, :length].reshape(length, -1)
    favourite = float(attention.max()) * attention.shape[1]
    return float(beams.log_probs[best] / length), float(np.log(favourite)) if favourite else 0.0


def calibrate(dataset: Dataset, features: FeatureCache, weights: str, run: Path) -> dict[str, Any]:
    """Write `calibration.json` into the run: what goes into the manifest, and what it is worth."""
    loaded, options = load_run(run, features.encoder), tuned_options(run)
    generator = Generator(loaded.model, loaded.rules, loaded.vocabulary, loaded.both_sides)
    encoder = load_encoder(weights, stage_of(run), loaded.encoder)
    dev, dev_cider = _photos(generator, dataset, features, options, "dev")

    def see(pixels: Pixels) -> npt.NDArray[np.float16]:
        maps: npt.NDArray[np.float32] = encode(encoder, pixels, loaded.both_sides).numpy()
        return maps.astype(np.float16)

    odd, _ = _odd(generator, see, options, seed=0, side=encoder.spec.side)
    calibration = fit(dev, dev_cider >= GOOD, odd)

    test, test_cider = _photos(generator, dataset, features, options, "test")
    other, kinds = _odd(generator, see, options, seed=1, side=encoder.spec.side)
    result = {
        **weights_of(run),
        "calibration": calibration,
        "measured": measure(
            calibration, test, test_cider >= GOOD, confidence(calibration, other), kinds
        ),
        "provenance": provenance(),
    }
    (run / CALIBRATION).write_text(json.dumps(result, indent=2) + "\n")
    return result


def _photos(
    generator: Generator,
    dataset: Dataset,
    features: FeatureCache,
    options: SearchOptions,
    split: str,
) -> tuple[Signals, Floats]:
    """Signals and CIDEr of a split's captions."""
    found = dict(generator.beams(features, dataset.splits[split], options, split))
    captions = {name: beams.best(options.length_penalty) for name, beams in found.items()}
    statistics = image_statistics(captions, dataset.references(split), meteor=False)
    return Signals.of(found.values(), options.length_penalty), statistics.means["CIDEr"]


def _odd(
    generator: Generator,
    see: Callable[[Pixels], npt.NDArray[np.float16]],
    options: SearchOptions,
    seed: int,
    side: int,
) -> tuple[Signals, list[str]]:
    """Signals and kinds of odd pictures of `side` x `side` pixels; `see` gives pixels' maps."""
    pictures = list(oddities(ODDITIES, seed, side))
    found: list[Beams] = []
    for start in range(0, len(pictures), BATCH):
        pixels = np.stack([each.pixels for each in pictures[start : start + BATCH]])
        found += generator.beams_of(see(pixels), options)
    return Signals.of(found, options.length_penalty), [each.kind for each in pictures]


def fit(photos: Signals, good: npt.NDArray[np.bool_], odd: Signals) -> dict[str, float]:
    """The manifest's `calibration`; service/manifest.py has the formula.

    Raises ValueError where no photo has a good caption.
    """
    if not good.any():
        raise ValueError(
            f"no caption of {len(good)} dev photos reaches a CIDEr of {100 * GOOD:g}, so there is "
            "no confidence to fit; train on, or export without this step"
        )
    knee = float(np.quantile(photos.focus, KNEE))
    inputs = np.concatenate([_inputs(photos, knee), _inputs(odd, knee)])
    right = np.concatenate([good, np.zeros(len(odd.focus), np.bool_)])
    weights = np.where(np.arange(len(right)) < len(good), 1.0, ODDITY_WEIGHT)
    model = LogisticRegression(C=100.0, max_iter=1000).fit(inputs, right, weights)
    log_prob_weight, focus_weight = model.coef_[0].tolist()
    found = {
        "intercept": float(model.intercept_[0]),
        "log_prob_weight": log_prob_weight,
        "focus_weight": focus_weight,
        "focus_knee": knee,
        "target_cider": 100 * GOOD,
    }
    threshold = min(
        np.quantile(confidence(found, odd), ODDITIES_FOUND),
        np.quantile(confidence(found, photos), 1 - PHOTOS_SPARED),
    )
    return {name: round(value, 5) for name, value in found.items()} | {
        "threshold": round(float(threshold), 2)
    }


def _inputs(signals: Signals, knee: float) -> Floats:
    """[images, 2]: the mean log-probability, and how far the focus lies below the knee."""
    return np.stack([signals.log_prob, np.maximum(0.0, knee - signals.focus)], axis=1)


def confidence(calibration: dict[str, float], signals: Signals) -> Floats:
    """From 0 to 1, one an image."""
    inputs = _inputs(signals, calibration["focus_knee"])
    weights = np.array([calibration["log_prob_weight"], calibration["focus_weight"]])
    return np.asarray(1 / (1 + np.exp(-(calibration["intercept"] + inputs @ weights))))


def measure(
    calibration: dict[str, float],
    photos: Signals,
    good: npt.NDArray[np.bool_],
    odd: Floats,
    kinds: Sequence[str],
) -> dict[str, Any]:
    """What the confidence is worth on images it was not fitted on; `odd` are confidences.

    What cannot be told of so few photos is None.
    """
    sure = confidence(calibration, photos)
    uncertain = sure < calibration["threshold"]
    bins = reliability(sure, good)
    return {
        "auroc": None if good.all() or not good.any() else _rounded(roc_auc_score(good, sure)),
        "brier": round(float(brier_score_loss(good, sure)), 4),
        "calibration_error": _rounded(calibration_error(bins)),
        "good_share": round(float(good.mean()), 4),
        "good_share_if_uncertain": _rounded(good[uncertain].mean()) if uncertain.any() else None,
        "good_share_if_not": None if uncertain.all() else _rounded(good[~uncertain].mean()),
        "uncertain_photos": round(float(uncertain.mean()), 4),
        "uncertain_oddities": {
            kind: round(
                float(
                    np.mean(
                        [
                            c < calibration["threshold"]
                            for c, k in zip(odd, kinds, strict=True)
                            if k == kind
                        ]
                    )
                ),
                4,
            )
            for kind in sorted(set(kinds))
        },
        "reliability": bins,
    }


def _rounded(value: float) -> float:
    return round(float(value), 4)
