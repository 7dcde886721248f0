"""Which engine runs the model, and the model in it. Neither engine is imported before it is chosen.

TensorFlow alone takes longer to import than the whole service with OpenVINO takes to start.
"""

import os
from importlib.util import find_spec
from pathlib import Path

from service.engine.artifact import ArtifactCaptioner
from service.engine.captions import Engine
from service.engine.errors import ArtifactError, DeviceError
from service.engine.manifest import Manifest, load_manifest
from service.settings import Settings

GPU_DRIVERS = (Path("/proc/driver/nvidia/version"), Path("/dev/nvidiactl"), Path("/dev/dxg"))


def load_captioner(settings: Settings) -> ArtifactCaptioner:
    """Load and warm up the model of `settings.model_dir`. Raises ArtifactError, DeviceError."""
    manifest = load_manifest(settings.model_dir)
    captioner = _load(settings, manifest)
    captioner.warm_up(settings.max_batch)
    return captioner


def _load(settings: Settings, manifest: Manifest) -> ArtifactCaptioner:
    if choose_engine(settings, manifest) == "openvino":
        from service.engine.openvino import load_openvino

        return load_openvino(settings, manifest)
    if not _may_have_gpu():
        # TensorFlow writes "failed call to cuInit" as an error where there is no GPU.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from service.engine.saved_model import load_saved_model

    return load_saved_model(settings, manifest)


def choose_engine(settings: Settings, manifest: Manifest) -> Engine:
    """The engine that CAPTION_ENGINE names, or the faster one that can run this model here.

    Raises ArtifactError if the one that is named or needed cannot.
    """
    if settings.engine == "openvino":
        if "openvino" not in manifest.engines:
            raise ArtifactError(
                f"CAPTION_ENGINE=openvino, but the model in {settings.model_dir} has no OpenVINO "
                "form: write it with `python -m training openvino`, or set it to auto"
            )
        return _installed("openvino")
    if settings.engine == "tensorflow" or settings.device == "gpu":
        return _installed("tensorflow")
    if "openvino" not in manifest.engines or not find_spec("openvino"):
        return _installed("tensorflow")
    if settings.device == "auto" and _may_have_gpu() and find_spec("tensorflow"):
        from service.engine.saved_model import has_gpu

        return "tensorflow" if has_gpu() else "openvino"
    return "openvino"


def _installed(engine: Engine) -> Engine:
    if not find_spec(engine):
        raise DeviceError(
            f"the model has to run in {engine}, which is not installed: install it, or serve a "
            "model, and set CAPTION_ENGINE, for the engine that is"
        )
    return engine


def _may_have_gpu() -> bool:
    """Whether NVIDIA's driver is there, without asking TensorFlow, and not hidden from us."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return visible not in ("", "-1") and any(path.exists() for path in GPU_DRIVERS)
