"""Load on the running service, up to ten times what it can do.

First as many clients as make it busy post one photo after another: that is what it can do,
uncontended. Then photos arrive at multiples of that rate, whether or not they are taken. Locust
posts them from the same machine, so the server has less of it than it would have alone.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tqdm import tqdm

from benchmarks.latency import machine
from benchmarks.server import ROOT, Server, serving
from service.settings import Settings

OUTPUT = ROOT / "benchmarks" / "results" / "load.json"
CLIENTS = 8  # a full batch
# Clients that wait for a caption post nothing: about ten times are offered by twelve.
MULTIPLES = (0.5, 1, 2, 5, 12)
SETTLE_SECONDS = 5  # not counted: the queue fills, clients start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="of each rate")
    seconds = parser.parse_args().seconds
    with serving(CAPTION_LOG_LEVEL="error") as server:
        server.wait_until_ready()
        alone = run(server, CLIENTS, 0.0, seconds)
        sustainable = alone["goodput"]
        rates = []
        for multiple in tqdm(MULTIPLES, desc="rates"):
            rate = multiple * sustainable
            # Clients whose photos were taken wait for their answers and post nothing else.
            clients = round(rate) + Settings().max_pending
            measured = run(server, clients, rate / clients, seconds)
            rates.append({"multiple": measured["offered"] / sustainable} | measured)
    result = {"machine": machine(), "seconds": seconds, "uncontended": alone, "rates": rates}
    OUTPUT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def run(server: Server, clients: int, rate: float, seconds: int) -> dict[str, Any]:
    """`clients` that post `rate` photos a second each; what came back, and the memory it took."""
    memory: list[int] = []
    done = threading.Event()
    watch = threading.Thread(target=_watch, args=(server, memory, done))
    watch.start()
    try:
        samples = _samples(server.url, clients, rate, seconds + SETTLE_SECONDS)
    finally:
        done.set()
        watch.join()
    return summary(samples, seconds) | {"megabytes": memory}


def _samples(url: str, clients: int, rate: float, seconds: int) -> list[dict[str, Any]]:
    """What the clients of `locustfile.py` wrote down."""
    with TemporaryDirectory() as folder:
        samples = Path(folder) / "samples.jsonl"
        subprocess.run(  # noqa: S603 - our own arguments, no shell
            [
                *(sys.executable, "-m", "locust", "--headless", "--only-summary"),
                *("--locustfile", str(ROOT / "benchmarks" / "locustfile.py")),
                *("--host", url, "--loglevel", "ERROR"),
                *("--users", str(clients + 1), "--spawn-rate", str(clients + 1)),
                *("--run-time", f"{seconds}s"),
            ],
            check=True,
            cwd=ROOT,
            env=os.environ | {"LOAD_SAMPLES": str(samples), "LOAD_RATE": str(rate)},
            stdout=subprocess.DEVNULL,
        )
        return [json.loads(line) for line in samples.read_text().splitlines()]


def _watch(server: Server, memory: list[int], done: threading.Event) -> None:
    while not done.wait(1):
        memory.append(server.resident_bytes() // 1_000_000)


def summary(samples: list[dict[str, Any]], seconds: int) -> dict[str, Any]:
    """Counts, rates (1/s) and milliseconds of the samples that came after the settling."""
    end = SETTLE_SECONDS + seconds
    taken: dict[str, list[float]] = {}
    for each in samples:
        answered = each["started"] + each["milliseconds"] / 1000
        if SETTLE_SECONDS <= answered < end:
            taken.setdefault(each["name"], []).append(each["milliseconds"])
    posted = sum(len(each) for name, each in taken.items() if name != "live")
    return {
        "offered": posted / seconds,
        "goodput": len(taken.get("ok", [])) / seconds,
        "answers": {name: percentiles(each) for name, each in sorted(taken.items())},
    }


def percentiles(milliseconds: list[float]) -> dict[str, float]:
    ordered = sorted(milliseconds)
    return {
        "count": len(ordered),
        "median": statistics.median(ordered),
        "p99": ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))],
        "max": ordered[-1],
    }


if __name__ == "__main__":
    main()
