"""Captions a second of Ray Serve on this machine, with one and with two replicas of the model.

Each replica computes with one thread: what a second one adds is what a second machine would.
"""

import argparse
import json
import signal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.latency import machine
from benchmarks.load import CLIENTS, run
from benchmarks.server import ROOT, start_server

OUTPUT = ROOT / "benchmarks" / "results" / "scale.json"
REPLICAS = (1, 2)


def measure(replicas: int, seconds: int) -> dict[str, Any]:
    """What CLIENTS times `replicas` clients get that post one photo after another."""
    with TemporaryDirectory() as folder:
        server = start_server(
            Path(folder) / "log",
            "deploy.ray.local",
            CAPTION_THREADS="1",
            CAPTION_RAY_MIN_REPLICAS=str(replicas),
            CAPTION_RAY_MAX_REPLICAS=str(replicas),
        )
        server.wait_until_ready()
        try:
            found = run(server, Path(folder), CLIENTS * replicas, 0.0, seconds)
        finally:
            server.process.send_signal(signal.SIGTERM)
            server.process.wait()
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
    result = {
        "machine": f"{machine()}; {CLIENTS} clients a replica on the same machine, {seconds} s.",
        "rows": rows,
        "measured": measured,
    }
    OUTPUT.write_text(json.dumps(result, indent=1) + "\n")
    for row in rows:
        print(f"{row['what']}: {row['value']}")


if __name__ == "__main__":
    main()
