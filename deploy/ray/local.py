"""Ray Serve until SIGTERM or Ctrl-C: `python -m deploy.ray.local`, for trying and for tests.

On the cluster that RAY_ADDRESS names, or else on one that is started on this machine.
"""

import os
import signal
import threading

import ray
from ray import serve

from deploy.ray.scale import Scale
from deploy.ray.serving import application
from service.settings import Settings


def main() -> None:
    settings, scale = Settings(), Scale()
    if address := os.environ.get("RAY_ADDRESS"):
        ray.init(address)
    else:
        # The routes and Ray's own actors take a processor beside the models.
        cpus = scale.max_replicas * scale.cpus + 1
        ray.init("local", num_cpus=cpus, include_dashboard=False)
    stop = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):  # in the place of Ray's own
        signal.signal(each, lambda *_: stop.set())
    serve.start(http_options={"host": settings.host, "port": settings.port})
    serve.run(application(scale))
    stop.wait()
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    main()
