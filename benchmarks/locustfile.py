"""The clients of `make load`, for locust: posters of photos, and a probe.

Every answer is named by what it says (`ok`, or the problem's code) and written to the file
LOAD_SAMPLES, one JSON object a line.
"""

import json
import os
import time
from pathlib import Path
from random import expovariate
from typing import Any

import gevent  # type: ignore[import-untyped]
import httpx
from locust import FastHttpUser, constant_throughput, events, task

from benchmarks.latency import photo

# Encoded once: doing it for every request would be timed as if the server had taken long.
FORM = httpx.Request("POST", "http://server/caption", files={"image": photo(500, 375)})
BODY, TYPE = FORM.read(), FORM.headers["Content-Type"]
PROBES_PER_SECOND = 5

samples = Path(os.environ["LOAD_SAMPLES"]).open("w")  # noqa: SIM115 - open while locust runs
started = time.time()


@events.request.add_listener  # type: ignore[untyped-decorator]
def keep(name: str, response_time: float, start_time: float, **rest: Any) -> None:
    sample = {"name": name, "milliseconds": response_time, "started": start_time - started}
    samples.write(json.dumps(sample) + "\n")


@events.quit.add_listener  # type: ignore[untyped-decorator]
def close(**rest: Any) -> None:
    samples.close()


class Poster(FastHttpUser):
    """Posts photos at random times (a Poisson process), or one as soon as the last is answered.

    What it could not post while it waited for an answer, it posts afterwards.
    """

    rate = float(os.environ["LOAD_RATE"])  # photos a second; 0 is as fast as answers come

    def on_start(self) -> None:
        self.due = time.monotonic()
        gevent.sleep(self.wait_time())

    def wait_time(self) -> float:
        if not self.rate:
            return 0.0
        self.due += expovariate(self.rate)
        return max(0.0, self.due - time.monotonic())

    @task
    def caption(self) -> None:
        with self.client.post(
            "/caption",
            data=BODY,  # type: ignore[arg-type] # bytes are sent as they are
            headers={"Content-Type": TYPE},
            catch_response=True,
        ) as answer:
            name = "ok" if answer.status_code == 200 else _code(answer)
            answer.request_meta["name"] = name
            answer.success()


class Probe(FastHttpUser):
    """Asks whether the server lives, as an orchestrator does, but more often."""

    fixed_count = 1
    wait_time = constant_throughput(PROBES_PER_SECOND)

    @task
    def live(self) -> None:
        self.client.get("/health/live", name="live")


def _code(answer: Any) -> str:
    try:
        return str(answer.json()["code"])
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"
