"""The one module that knows TensorFlow: the artifact's SavedModel, on a GPU or a CPU."""

import os
from pathlib import Path

from service.engine.artifact import ArtifactCaptioner, Inputs, Outputs
from service.engine.captions import Device, Engine
from service.engine.errors import ArtifactError, DeviceError
from service.engine.manifest import Manifest
from service.settings import Settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # read by TensorFlow as it is imported

import tensorflow as tf


class SavedModelCaptioner(ArtifactCaptioner):
    """Captions by TensorFlow, one batch at a time.

    TensorFlow spreads one batch over all its threads, so a second one at the same time would
    only slow both down: they queue for the one thread that runs the model.
    """

    engine: Engine = "tensorflow"

    def __init__(self, model_dir: Path, manifest: Manifest) -> None:
        device: Device = "GPU" if tf.config.get_visible_devices("GPU") else "CPU"
        super().__init__(model_dir, manifest, device, at_once=1)
        self._module = tf.saved_model.load(str(model_dir / "captioner"))
        self._caption = self._module.signatures["caption"]
        self._takes = tuple(self._caption.structured_input_signature[1])

    def run(self, inputs: Inputs) -> Outputs:
        found = self._caption(**{name: tf.constant(inputs[name]) for name in self._takes})
        return {name: value.numpy() for name, value in found.items()}


def has_gpu() -> bool:
    return bool(tf.config.list_physical_devices("GPU"))


def check_device(settings: Settings) -> None:
    """Raises DeviceError where a GPU is asked for and TensorFlow has none."""
    if settings.device == "gpu" and not has_gpu():
        raise DeviceError(
            "CAPTION_DEVICE=gpu, but TensorFlow finds no GPU: give the container one, install "
            "NVIDIA's driver and the libraries of requirements-gpu.lock, or set it to auto"
        )


def load_saved_model(settings: Settings, manifest: Manifest) -> SavedModelCaptioner:
    """Load the SavedModel in `settings.model_dir`. Raises ArtifactError, DeviceError."""
    check_device(settings)
    if settings.device == "cpu":
        tf.config.set_visible_devices([], "GPU")
    tf.config.threading.set_intra_op_parallelism_threads(settings.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    for gpu in tf.config.get_visible_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
    try:
        return SavedModelCaptioner(settings.model_dir, manifest)
    except (OSError, ValueError, KeyError) as error:
        raise ArtifactError(f"{settings.model_dir} cannot be loaded: {error}") from error
