"""Latency of several artifacts side by side: one photo through each one's whole graph in turn.

    python -m benchmarks.architectures NAME=FOLDER ...

Each is searched with its own tuned options. Only the ratios mean anything elsewhere.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import tensorflow as tf
from tqdm import tqdm

from benchmarks.latency import PHOTOS as FOLDER
from benchmarks.latency import machine
from benchmarks.server import ROOT
from service.engine.captions import Pixels
from service.engine.images import decode
from service.engine.manifest import InputSpec, load_manifest
from service.engine.saved_model import SavedModelCaptioner
from service.settings import Settings

OUTPUT = ROOT / "benchmarks" / "results" / "architectures.json"
PHOTOS = ("chelsea.png", "astronaut.png", "coffee.png", "rocket.jpg", "motorcycle_left.png")
WARM_UP = 3  # rounds that are not counted


def measure(folders: dict[str, Path], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each call; the artifacts take turns over the same photos."""
    captioners = {
        name: SavedModelCaptioner(folder, load_manifest(folder)) for name, folder in folders.items()
    }
    photos = {
        (name, photo): _pixels(photo, captioner.manifest.input)
        for name, captioner in captioners.items()
        for photo in PHOTOS
    }
    taken: dict[str, list[float]] = {name: [] for name in folders}
    for i in tqdm(range(rounds + WARM_UP), desc="rounds"):
        for photo in PHOTOS:
            for name, captioner in captioners.items():
                pixels = photos[name, photo]
                started = time.perf_counter()
                captioner.caption_now(pixels, captioner.manifest.search, started)
                if i >= WARM_UP:
                    taken[name].append(1000 * (time.perf_counter() - started))
    return taken


def _pixels(photo: str, spec: InputSpec) -> Pixels:
    data = (FOLDER / photo).read_bytes()
    return decode(data, spec, Settings().max_pixels).pixels[None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("artifacts", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    folders = {
        name: Path(folder)
        for name, _, folder in (each.partition("=") for each in options.artifacts)
    }
    tf.config.threading.set_inter_op_parallelism_threads(1)
    taken = measure(folders, options.rounds)
    result = {
        "milliseconds": {name: round(statistics.median(each), 1) for name, each in taken.items()},
        "calls": options.rounds * len(PHOTOS),
        "machine": machine(),
    }
    OUTPUT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
