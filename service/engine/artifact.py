"""A model artifact behind the `Captioner` protocol, whichever library runs its graph."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from service.engine.batching import batch_sizes
from service.engine.captions import Attention, Beam, Captions, Device, Engine, Pixels, Word
from service.engine.manifest import Manifest, SearchOptions

END = 2  # the token id that the contract of model_artifacts/ gives to <end>
PEOPLE = ("seen", "neutral")  # by the numbers that the signature gives them
INPUTS = ("images", "beam_size", "max_length", "length_penalty", "people")
OUTPUTS = ("tokens", "token_log_probs", "scores", "attention", "confidence")

Inputs = Mapping[str, npt.NDArray[Any] | np.generic]
Outputs = Mapping[str, npt.NDArray[Any]]


class ArtifactCaptioner(ABC):
    """Captions by the signature `caption`, `at_once` batches at a time, each on its own thread."""

    engine: Engine
    few_sizes = True

    def __init__(self, model_dir: Path, manifest: Manifest, device: Device, at_once: int) -> None:
        self.manifest = manifest
        self.device: Device = device
        self.at_once = at_once
        self._words = (model_dir / "vocabulary.txt").read_text(encoding="utf-8").splitlines()
        self._threads = ThreadPoolExecutor(at_once, "inference")

    @abstractmethod
    def run(self, inputs: Inputs) -> Outputs:
        """The signature's outputs by name, as arrays that nothing else writes to.

        Inputs that the model's signature does not take are ignored.
        """

    async def caption(self, images: Pixels, options: SearchOptions) -> Captions:
        """Caption RGB pixels uint8 [B, height, width, 3] of the manifest's input size."""
        submitted = time.perf_counter()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._threads, self.caption_now, images, options, submitted
        )

    def caption_now(self, images: Pixels, options: SearchOptions, submitted: float) -> Captions:
        """The same on the calling thread; `submitted` is the perf_counter() it waits since."""
        started = time.perf_counter()
        found = self.run(
            {
                "images": images,
                "beam_size": np.int32(options.beam_size),
                "max_length": np.int32(options.max_length),
                "length_penalty": np.float32(options.length_penalty),
                "people": np.int32(PEOPLE.index(options.people or "seen")),
            }
        )
        names = [name for name in OUTPUTS if name in found]
        beams = [
            [self._beam(**dict(zip(names, beam, strict=True))) for beam in zip(*image, strict=True)]
            for image in zip(*(found[name] for name in names), strict=True)
        ]
        return Captions(beams, started - submitted, time.perf_counter() - started)

    def _beam(
        self,
        tokens: npt.NDArray[np.int32],
        token_log_probs: npt.NDArray[np.float32],
        scores: float,
        attention: Attention | None = None,
        confidence: float | None = None,
    ) -> Beam:
        """One beam of one image, by the names of the outputs."""
        length = int(np.argmax(tokens == END))
        words = tuple(
            Word(self._words[token], float(log_prob))
            for token, log_prob in zip(tokens[:length], token_log_probs[:length], strict=True)
        )
        looked = None if attention is None else attention[: length + 1]
        sure = None if confidence is None else float(confidence)
        return Beam(words, float(token_log_probs[length]), float(scores), looked, sure)

    def warm_up(self, max_batch: int) -> None:
        """Run each size of a batch once: the first call builds what later ones reuse."""
        spec, options = self.manifest.input, self.manifest.search
        # The decoder needs no further steps for that, and one photo is captioned in full.
        short = options.model_copy(update={"max_length": 1})
        for size in batch_sizes(max_batch):
            nothing = np.zeros((size, spec.height, spec.width, 3), np.uint8)
            self.caption_now(nothing, options if size == 1 else short, time.perf_counter())
