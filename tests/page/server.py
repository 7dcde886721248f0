"""The service with a captioner that needs no model and says enough for the page.

Flat pictures get an uncertain caption, all others a certain one.
"""

import numpy as np
from fastapi import FastAPI

from service.engine.captions import Beam, Captions, Pixels, Word
from service.engine.manifest import Calibration, SearchOptions
from service.http.app import create_app
from service.settings import Settings
from tests.service.conftest import FakeCaptioner, looked, tiny_manifest

FLAT = 4.0  # standard deviation of the pixels, below which a picture is flat
RANKS = (
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "last",
)
CALIBRATION = Calibration(
    intercept=3.0,
    log_prob_weight=3.0,
    focus_weight=0.0,
    focus_knee=0.0,
    threshold=0.4,
    target_cider=50.0,
)


class PageCaptioner(FakeCaptioner):
    """Captions such as "a picture of shade 90 and of the first rank"."""

    def caption_now(self, images: Pixels, options: SearchOptions, submitted: float) -> Captions:
        beams = [
            [_beam(image, rank, options.max_length) for rank in range(options.beam_size)]
            for image in images
        ]
        return Captions(beams, 0.001, 0.002)


def _beam(image: Pixels, rank: int, max_length: int) -> Beam:
    shade = round(float(np.mean(image)))
    text = f"a picture of shade {shade} and of the {RANKS[rank]} rank"
    each = -2.0 if np.std(image) < FLAT else -0.3 - 0.01 * rank
    words = tuple(Word(word, each) for word in text.split()[:max_length])
    return Beam(words, each, each * (1 + rank), looked(len(words) + 1))


def page_app(settings: Settings) -> FastAPI:
    search = {"beam_size": 10, "max_length": 20, "length_penalty": 0.87}
    manifest = tiny_manifest(search=search, calibration=CALIBRATION)
    return create_app(settings, PageCaptioner(manifest))
