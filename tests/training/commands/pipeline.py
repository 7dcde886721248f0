"""From photos to a served caption by the commands that people type."""

import time
from pathlib import Path

import numpy as np
import pytest

from service.engine.images import decode
from service.engine.manifest import load_manifest
from service.engine.saved_model import SavedModelCaptioner
from service.http.schemas import CaptionResponse
from training.cli import main

CONFIG = """
min_count = 1
epochs = 1
batch_images = 16
[decoder]
architecture = "attention"
units = 16
attention_units = 8
"""


def cheapen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what takes seconds and is tested elsewhere: METEOR, the grid of searches."""
    for module in ("metrics", "evaluate", "epochs"):
        monkeypatch.setattr(f"training.measure.{module}.have_java", lambda: False)
    monkeypatch.setattr("training.measure.tune.BEAM_SIZES", (1,))


def step(*arguments: str | Path) -> None:
    """Run a step of `python -m training`, which must succeed."""
    assert main([str(each) for each in arguments]) == 0, arguments


def serve(artifact: Path, photo: Path) -> CaptionResponse:
    """What the service answers for a photo with this artifact's SavedModel.

    It is loaded as the service does, but for the number of threads: this process has chosen that.
    """
    manifest = load_manifest(artifact)
    captioner = SavedModelCaptioner(artifact, manifest)
    pixels = decode(photo.read_bytes(), manifest.input, max_pixels=1_000_000)
    search = manifest.options()
    captions = captioner.caption_now(pixels.pixels[np.newaxis], search, time.perf_counter())
    return CaptionResponse.of(pixels, captions, search, manifest, 0.0)
