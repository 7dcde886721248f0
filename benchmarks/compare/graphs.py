"""The model alone, without a server: engine against engine, and against ResNet50's cost.

Everything runs in one process and takes turns, call by call, over the same photos.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import openvino as ov

from service.engine.artifact import ArtifactCaptioner
from service.engine.captions import Pixels
from service.engine.load import load_captioner
from service.settings import Settings

BEAMS = (1, 3, 10)
BATCHES = (1, 8)
WARM_UP = 3  # rounds that are not counted

Call = Callable[[], Any]


def resnet50(threads: int) -> ov.CompiledModel:
    """ResNet50 without its classifier in float32, random weights, from `keras.applications`."""
    import keras
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    # Only shapes matter to the time.
    model = keras.applications.ResNet50(weights=None, include_top=False, pooling="avg")
    spec = tf.TensorSpec([None, 224, 224, 3], tf.float32, name="images")
    function = tf.function(lambda images: model(images, training=False), input_signature=[spec])
    frozen = convert_variables_to_constants_v2(function.get_concrete_function())
    with TemporaryDirectory() as folder:
        tf.io.write_graph(frozen.graph.as_graph_def(), folder, "graph.pb", as_text=False)
        graph = ov.Core().read_model(Path(folder) / "graph.pb")
    hints = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    return ov.Core().compile_model(graph, "CPU", hints | {"INFERENCE_NUM_THREADS": threads})


def calls(engines: dict[str, ArtifactCaptioner], photos: Pixels) -> dict[str, Call]:
    """What is timed, by name: `ENGINE, beam K, N photos`."""
    found: dict[str, Call] = {}
    for name, captioner in engines.items():
        for batch in BATCHES:
            for beam in BEAMS:
                options = captioner.manifest.options(beam_size=beam)
                found[f"{name}, beam {beam}, {batch} photos"] = partial(
                    captioner.caption_now, photos[:batch], options, 0.0
                )
    return found


def measure(folder: Path, photos: Pixels, rounds: int) -> dict[str, float]:
    """Median milliseconds of each call, in turns."""
    threads = Settings().threads
    engines = {
        engine: load_captioner(Settings(model_dir=folder, engine=engine, device="cpu", max_batch=8))
        for engine in ("openvino", "tensorflow")
    }
    floor = resnet50(threads)
    pixels = photos[:1].astype(np.float32)
    timed = {"resnet50": lambda: floor(pixels), **calls(engines, photos)}
    taken: dict[str, list[float]] = {name: [] for name in timed}
    for i in range(rounds + WARM_UP):
        for name, call in timed.items():
            started = time.perf_counter()
            call()
            if i >= WARM_UP:
                taken[name].append(1000 * (time.perf_counter() - started))
    return {name: round(statistics.median(each), 2) for name, each in taken.items()}
