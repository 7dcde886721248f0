"""How far a caption is to be trusted."""

import math

from service.captioning import Beam
from service.manifest import Calibration


def confidence(beam: Beam, calibration: Calibration) -> float:
    """From 0 to 1, by the logistic regression that `Calibration` describes."""
    mean = beam.log_probability / (len(beam.words) + 1)
    logit = calibration.intercept + calibration.log_prob_weight * mean
    if beam.focus is not None:
        lack = max(0.0, calibration.focus_knee - math.log(beam.focus))
        logit += calibration.focus_weight * lack
    return 1 / (1 + math.exp(-logit))
