"""Ray Serve on this machine alone: `python -m deploy.ray.local`, for trying and for tests.

As many replicas of the model as CAPTION_RAY_MAX_REPLICAS, each computing with CAPTION_THREADS.
"""

import os
import signal
import threading

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell others; read on import

import ray
from ray import serve

from deploy.ray.scale import Scale
from deploy.ray.serving import build
from service.settings import Settings


def main() -> None:
    settings, scale = Settings(), Scale()
    # The routes and Ray's own actors take a processor beside the models.
    ray.init(num_cpus=scale.max_replicas * settings.threads + 1, include_dashboard=False)
    stop = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):  # in the place of Ray's own
        signal.signal(each, lambda *_: stop.set())
    serve.start(http_options={"host": settings.host, "port": settings.port})
    serve.run(build(scale))
    stop.wait()
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    main()
