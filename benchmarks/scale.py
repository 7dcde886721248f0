"""Captions a second of Ray Serve on this machine, with one and with two replicas of the model.

Each replica computes with one thread: what a second one adds is what a second machine would.
"""

import argparse
from typing import Any

from benchmarks.latency import machine
from benchmarks.load import CLIENTS, run
from benchmarks.report import report
from benchmarks.server import serving

REPLICAS = (1, 2)


def measure(replicas: int, seconds: int) -> dict[str, Any]:
    """What CLIENTS times `replicas` clients get that post one photo after another."""
    settings = {
        "CAPTION_RAY_CPUS": "1",
        "CAPTION_RAY_MIN_REPLICAS": str(replicas),
        "CAPTION_RAY_MAX_REPLICAS": str(replicas),
    }
    with serving("deploy.ray.local", **settings) as server:
        server.wait_until_ready()
        found = run(server, CLIENTS * replicas, 0.0, seconds)
    return {"replicas": replicas, "goodput": found["goodput"], "answers": found["answers"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=40)
    seconds = parser.parse_args().seconds
    measured = [measure(replicas, seconds) for replicas in REPLICAS]
    rows = [
        {
            "what": f"Ray Serve, {each['replicas']} x 1 thread",
            "value": f"{each['goodput']:.1f} captions/s, "
            f"median {each['answers']['ok']['median']:.0f} ms",
        }
        for each in measured
    ]
    how = f"{CLIENTS} clients a replica on the same machine, {seconds} s."
    report("scale", f"{machine()}; {how}", rows, measured=measured)


if __name__ == "__main__":
    main()
