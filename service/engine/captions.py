"""What captioning is to the rest of the service, whatever computes it."""

import math
import re
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from service.engine.manifest import Calibration, Manifest, SearchOptions

Pixels = npt.NDArray[np.uint8]
Attention = npt.NDArray[np.float32]
Device = Literal["CPU", "GPU"]
Engine = Literal["openvino", "tensorflow"]


_CLITIC = re.compile(r" (?=(?:n't|'(?:s|m|d|re|ve|ll))\b)")


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    log_probability: float


@dataclass(frozen=True, slots=True, eq=False)
class Beam:
    """One caption; `score` ranks it: log_probability / (words + 1) ** length_penalty, to which
    models of version 3 add what the photo shows. `confidence` is theirs, too.

    `attention` [words + 1, rows, columns] is where the model looked for each word and for the
    end; None if it does not attend. What a map lacks of 1 is the visual sentinel's.
    """

    words: tuple[Word, ...]
    end_log_probability: float
    score: float
    attention: Attention | None = None
    confidence: float | None = None

    @property
    def focus(self) -> float | None:
        """The most attention that a token gave a cell, over an even share."""
        if self.attention is None:
            return None
        _, rows, columns = self.attention.shape
        return float(self.attention.max() * rows * columns)

    @property
    def text(self) -> str:
        """The words as one writes them: "do n't" becomes "don't"."""
        return _CLITIC.sub("", " ".join(word.text for word in self.words))

    @property
    def log_probability(self) -> float:
        """Of the whole caption, its end included."""
        return sum(word.log_probability for word in self.words) + self.end_log_probability


@dataclass(frozen=True, slots=True)
class Captions:
    """The beams of each image, best first, and the seconds it took."""

    beams: list[list[Beam]]
    queue_seconds: float
    inference_seconds: float


class Captioner(Protocol):
    """Anything that captions pixels; the service never asks more of a model."""

    manifest: Manifest
    device: Device
    engine: Engine
    at_once: int  # batches that it works on at a time
    few_sizes: bool  # whether a batch of a size that it has not met takes long

    async def caption(self, images: Pixels, options: SearchOptions) -> Captions:
        """Caption upright RGB pixels uint8 [B, height, width, 3]."""


def assess(beam: Beam, manifest: Manifest) -> tuple[float | None, bool | None]:
    """The confidence of a caption, and whether it is uncertain; None where the model has none."""
    if manifest.confidence and beam.confidence is not None:
        sure, threshold = beam.confidence, manifest.confidence.threshold
    elif manifest.calibration:
        sure, threshold = confidence(beam, manifest.calibration), manifest.calibration.threshold
    else:
        return None, None
    sure = round(sure, 4)
    return sure, sure < threshold


def confidence(beam: Beam, calibration: Calibration) -> float:
    """From 0 to 1, by the logistic regression that `Calibration` describes."""
    mean = beam.log_probability / (len(beam.words) + 1)
    logit = calibration.intercept + calibration.log_prob_weight * mean
    if beam.focus is not None:
        lack = max(0.0, calibration.focus_knee - math.log(beam.focus))
        logit += calibration.focus_weight * lack
    return 1 / (1 + math.exp(-logit))
