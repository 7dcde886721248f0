"""What the servers share: the same photos in, the same model or the tutorials' one."""

import os
from pathlib import Path

import numpy as np

from service.engine.captions import Pixels
from service.engine.images import decode
from service.engine.load import load_captioner
from service.engine.manifest import InputSpec
from service.settings import Settings

PORT = int(os.environ.get("CAPTION_PORT", "8000"))
ARTIFACT = Path(os.environ.get("CAPTION_MODEL_DIR", str(Settings().model_dir)))
SQUARE = InputSpec(height=224, width=224, resize_filter="bicubic")


def pixels(data: bytes) -> Pixels:
    """A photo as the model reads it, decoded as our service does."""
    return decode(data, SQUARE, Settings().max_pixels).pixels


class OurModel:
    """Our artifact in the engine that CAPTION_ENGINE names, without our service around it."""

    def __init__(self) -> None:
        self._captioner = load_captioner(Settings())

    def caption(self, photos: list[Pixels]) -> list[str]:
        search = self._captioner.manifest.options(beam_size=3)
        found = self._captioner.caption_now(np.stack(photos), search, 0.0)
        return [beams[0].text for beams in found.beams]
