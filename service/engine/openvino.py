"""The artifact's OpenVINO form, which captions on CPUs without TensorFlow."""

from collections.abc import Iterable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from service.engine.artifact import INPUTS, OUTPUTS, ArtifactCaptioner, Inputs, Outputs
from service.engine.captions import Engine
from service.engine.errors import ArtifactError
from service.engine.manifest import Manifest
from service.engine.telemetry import forbid_telemetry
from service.settings import Settings

forbid_telemetry()

import openvino as ov  # noqa: E402

NAME = "openvino"  # among the manifest's engines
THREADS_A_STREAM = 4  # with more, a batch of one photo gains little


class OpenVinoCaptioner(ArtifactCaptioner):
    """Captions by OpenVINO, as many batches at a time as it recommends for the threads it has."""

    engine: Engine = "openvino"
    few_sizes = False

    def __init__(self, model_dir: Path, manifest: Manifest, threads: int) -> None:
        core = ov.Core()
        self._model = core.compile_model(
            core.read_model(model_dir / manifest.engines[NAME].file),
            "CPU",
            {
                # By default it computes in bfloat16 where the processor can, which changes captions
                # and has ended the process with SIGFPE.
                "INFERENCE_PRECISION_HINT": "f32",
                "PERFORMANCE_HINT": "LATENCY",
                "NUM_STREAMS": max(1, threads // THREADS_A_STREAM),
                "INFERENCE_NUM_THREADS": threads,
            },
        )
        at_once = int(self._model.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        super().__init__(model_dir, manifest, "CPU", at_once)
        self._takes = _names(self._model.inputs, INPUTS)
        self._gives = _names(self._model.outputs, OUTPUTS)
        self._idle: SimpleQueue[ov.InferRequest] = SimpleQueue()
        for _ in range(at_once):
            self._idle.put(self._model.create_infer_request())

    def run(self, inputs: Inputs) -> Outputs:
        request = self._idle.get()
        try:
            request.infer({name: inputs[name] for name in self._takes}, share_inputs=True)
            # Copies: the request's own memory is written to by its next run.
            return {name: request.get_tensor(name).data.copy() for name in self._gives}
        finally:
            self._idle.put(request)


def _names(ports: Iterable[Any], known: Iterable[str]) -> set[str]:
    """The contract's names of a graph's inputs or outputs, which may have others beside them.

    Raises RuntimeError where one has none of the contract's.
    """
    names = [each.get_names() & set(known) for each in ports]
    if not all(names):
        raise RuntimeError(f"each of its ports must be named as one of {sorted(known)}")
    return {name for each in names for name in each}


def load_openvino(settings: Settings, manifest: Manifest) -> OpenVinoCaptioner:
    """Load the OpenVINO form in `settings.model_dir`. Raises ArtifactError."""
    try:
        return OpenVinoCaptioner(settings.model_dir, manifest, settings.threads)
    except (OSError, RuntimeError) as error:
        raise ArtifactError(f"{settings.model_dir} cannot be loaded: {error}") from error
