"""The one room that knows TensorFlow: a SavedModel that turns pixels into captions."""

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from service.batching import batch_sizes
from service.captioning import Attention, Beam, Captions, Device, DeviceError, Pixels, Word
from service.manifest import ArtifactError, Manifest, SearchOptions, load_manifest
from service.settings import Settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # read by TensorFlow as it is imported

import tensorflow as tf

END = 2  # the token id that the contract of model_artifacts/ gives to <end>

Tokens = npt.NDArray[np.int32]
LogProbs = npt.NDArray[np.float32]


class SavedModelCaptioner:
    """Captions by the signature `caption` of a SavedModel, one batch at a time.

    TensorFlow spreads one batch over all its threads, so a second one at the same time would
    only slow both down: they queue for the one thread that runs the model.
    """

    at_once = 1

    def __init__(self, model_dir: Path, manifest: Manifest) -> None:
        self.manifest = manifest
        self.device: Device = "GPU" if tf.config.get_visible_devices("GPU") else "CPU"
        self._words = (model_dir / "vocabulary.txt").read_text(encoding="utf-8").splitlines()
        self._module = tf.saved_model.load(str(model_dir / "captioner"))
        self._caption = self._module.signatures["caption"]
        self._thread = ThreadPoolExecutor(1, "inference")

    async def caption(self, images: Pixels, options: SearchOptions) -> Captions:
        """Caption RGB pixels uint8 [B, height, width, 3] of the manifest's input size."""
        submitted = time.perf_counter()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._thread, self.caption_now, images, options, submitted
        )

    def caption_now(self, images: Pixels, options: SearchOptions, submitted: float) -> Captions:
        """The same on the calling thread; `submitted` is the perf_counter() it waits since."""
        started = time.perf_counter()
        found = self._caption(
            images=tf.constant(images),
            beam_size=tf.constant(options.beam_size),
            max_length=tf.constant(options.max_length),
            length_penalty=tf.constant(options.length_penalty, tf.float32),
        )
        names = ("tokens", "token_log_probs", "scores", "attention")
        outputs = [found[name].numpy() for name in names if name in found]
        beams = [
            [self._beam(*beam) for beam in zip(*image, strict=True)]
            for image in zip(*outputs, strict=True)
        ]
        return Captions(beams, started - submitted, time.perf_counter() - started)

    def _beam(
        self,
        tokens: Tokens,
        log_probs: LogProbs,
        score: float,
        attention: Attention | None = None,
    ) -> Beam:
        length = int(np.argmax(tokens == END))
        words = tuple(
            Word(self._words[token], float(log_prob))
            for token, log_prob in zip(tokens[:length], log_probs[:length], strict=True)
        )
        looked = None if attention is None else attention[: length + 1]
        return Beam(words, float(log_probs[length]), float(score), looked)


def check_device(settings: Settings) -> None:
    """Raises DeviceError where a GPU is asked for and TensorFlow has none."""
    if settings.device == "gpu" and not tf.config.list_physical_devices("GPU"):
        raise DeviceError(
            "CAPTION_DEVICE=gpu, but TensorFlow finds no GPU: give the container one, install "
            "NVIDIA's driver and the libraries of requirements-gpu.lock, or set it to auto"
        )


def load_captioner(settings: Settings) -> SavedModelCaptioner:
    """Load and warm up the model of `settings.model_dir`. Raises ArtifactError, DeviceError."""
    check_device(settings)
    manifest = load_manifest(settings.model_dir)
    if settings.device == "cpu":
        tf.config.set_visible_devices([], "GPU")
    tf.config.threading.set_intra_op_parallelism_threads(settings.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    for gpu in tf.config.get_visible_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
    try:
        captioner = SavedModelCaptioner(settings.model_dir, manifest)
    except (OSError, ValueError, KeyError) as error:
        raise ArtifactError(f"{settings.model_dir} cannot be loaded: {error}") from error
    # The first call of a size builds what later ones reuse; nobody should wait for it.
    for size in batch_sizes(settings.max_batch):
        nothing = np.zeros((size, manifest.input.height, manifest.input.width, 3), np.uint8)
        captioner.caption_now(nothing, manifest.search, time.perf_counter())
    return captioner
