"""Side by side: our service, and what people would use instead, on this machine in one run.

    python -m benchmarks.compare

Needs the extra `compare`; a peer that is not installed is left out, and said to be.
Every figure is of this machine and this hour: compare only figures of one run.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.compare.clients import Counted, merged, post
from benchmarks.compare.graphs import measure
from benchmarks.compare.peers import OPTIONS, OURS, PEERS, TENSORFLOW, Peer
from benchmarks.compare.running import Running, paused, running
from benchmarks.latency import PHOTOS, machine, photo
from benchmarks.report import RESULTS
from benchmarks.server import ROOT
from service.engine.captions import Pixels
from service.engine.images import decode
from service.engine.manifest import load_manifest
from service.settings import Settings

CLIENTS = (1, 4, 16, 64)
FILES = ("chelsea.png", "coffee.png", "astronaut.png", "motorcycle_left.png", "rocket.jpg")
SIZES = ((500, 375), (1600, 1200), (4032, 3024))
LIBRARIES = ("openvino", "tensorflow", "litserve", "bentoml", "transformers", "torch", "uvicorn")


def main() -> None:
    options = arguments()
    started = time.time()
    chosen = [peer for peer in PEERS if peer.name in options.peers]
    left_out = {peer.name: list(peer.missing) for peer in chosen if peer.missing}
    for name, missing in left_out.items():
        print(f"{name} is left out: {', '.join(missing)} is not installed", file=sys.stderr)
    result: dict[str, Any] = {
        "machine": f"{machine()}, {processor()}",
        "versions": versions(),
        "left_out": left_out,
        "servers": servers([each for each in chosen if not each.missing], options),
        "folders": {peer.name: folder(peer, options.files) for peer in (OURS, TENSORFLOW)},
        "graphs": measure(Settings().model_dir, views(), options.calls),
        "titles": {peer.name: peer.title for peer in PEERS},
    }
    result["minutes"] = round((time.time() - started) / 60, 1)
    written = json.dumps(result, indent=1) + "\n"
    print(written)
    if not options.quick:
        (RESULTS / "compare.json").write_text(written)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="in each, every server has its turn")
    parser.add_argument("--seconds", type=float, default=5, help="of each turn")
    parser.add_argument("--calls", type=int, default=30, help="of the model in each way")
    parser.add_argument("--files", type=int, default=120, help="photos in the folder")
    parser.add_argument("--peers", nargs="*", default=[peer.name for peer in PEERS])
    parser.add_argument(
        "--quick", action="store_true", help="try all of it shortly, and write no result"
    )
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds, options.calls, options.files = 1, 0.2, 1, 8
    return options


def servers(peers: list[Peer], options: argparse.Namespace) -> dict[str, Any]:
    """Start all, let them take turns, in which the others are paused, and stop them."""
    image = photo(500, 375)
    found: dict[str, Any] = {}
    with ExitStack() as stack:
        started = [stack.enter_context(running(peer)) for peer in peers]
        counted: dict[tuple[str, str], list[Counted]] = {}
        for _ in range(options.rounds):
            for each in started:
                others = [other.server.process.pid for other in started if other is not each]
                with paused(others):
                    for what, data, clients, asked in turns(each, image):
                        taken = post(each.url, data, clients, options.seconds, **asked)
                        counted.setdefault((each.peer.name, what), []).append(taken)
        for each in started:
            measured = {
                what: merged(rounds).summary()
                for (name, what), rounds in counted.items()
                if name == each.peer.name
            }
            found[each.peer.name] = {
                "ready_seconds": round(each.ready_seconds, 2),
                "megabytes": round(each.megabytes),
                "measured": measured,
            }
    return found


def turns(each: Running, image: bytes) -> list[tuple[str, bytes, int, dict[str, str]]]:
    """What is asked of a server: name, photo, clients and options."""
    if each.peer.slow:
        return [("1 clients", image, 1, {})]
    asked = [(f"{clients} clients", image, clients, OPTIONS) for clients in CLIENTS]
    if each.peer in (OURS, TENSORFLOW):
        asked += [(f"beam {beam}", image, 1, {"beam_size": str(beam)}) for beam in (1, 10)]
    if each.peer == OURS:
        asked += [
            (f"{width}x{height}", photo(width, height), 1, OPTIONS) for width, height in SIZES
        ]
    return asked


def folder(peer: Peer, files: int) -> float:
    """Captions a second of `python -m service caption FOLDER`, its start not counted."""
    with TemporaryDirectory() as directory:
        for i in range(files):
            (Path(directory) / f"{i}.jpg").write_bytes(photo(500, 375))
        seconds = [_seconds(peer, directory, few) for few in (True, False)]
    return round((files - 1) / (seconds[1] - seconds[0]), 2)


def _seconds(peer: Peer, directory: str, few: bool) -> float:
    """Of captioning one photo, or all."""
    given = [f"{directory}/0.jpg"] if few else [directory]
    started = time.perf_counter()
    subprocess.run(  # noqa: S603 - our own module, no shell
        [sys.executable, "-m", peer.module, "caption", "--beam-size", "3", *given],
        cwd=ROOT,
        env=os.environ | peer.settings,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - started


def views() -> Pixels:
    spec = load_manifest(Settings().model_dir).input
    data = [(PHOTOS / FILES[i % len(FILES)]).read_bytes() for i in range(8)]
    return np.stack([decode(each, spec, Settings().max_pixels).pixels for each in data])


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))


def versions() -> dict[str, str]:
    found = {"python": sys.version.split()[0]}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    main()
