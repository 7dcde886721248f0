"""A real server in a process of its own, as `make run` starts it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from uuid import uuid4

import pytest

from benchmarks.server import ROOT, Server, start_server

PATIENCE = 300  # seconds, for machines that are busy with other things
ATTEMPTS = 3  # of Ray, which gives itself 30 seconds to start, whatever the machine does


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("server") / "log"
    yield from running(start_server(log, CAPTION_DEADLINE_SECONDS=str(PATIENCE)))


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[dict[str, str]]:
    """One Ray for all tests, which knows none of the service's settings.

    Gives the environment of whoever connects to it.
    """
    own = {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": uuid4().hex,
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",  # 15 by default: on a busy machine nothing would be done
        "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": str(PATIENCE),  # 5 by default
        "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": str(PATIENCE),
    }
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("CAPTION_")
    }
    for _ in range(ATTEMPTS):
        with subprocess.Popen(
            [sys.executable, "-m", "tests.end_to_end.ray_cluster"],
            cwd=ROOT,
            env=inherited | own,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin
            assert process.stdout
            if address := process.stdout.readline().strip():
                yield own | {"RAY_ADDRESS": address}
                process.stdin.close()
                return
    raise AssertionError(f"Ray could not be started in {ATTEMPTS} attempts")


@pytest.fixture(scope="session")
def ray_server(
    tmp_path_factory: pytest.TempPathFactory, ray_cluster: dict[str, str]
) -> Iterator[Server]:
    """The same routes in front of replicas of the model, on Ray Serve."""
    settings = {
        "CAPTION_API_KEYS": "a-key-of-the-tests",
        "CAPTION_DEADLINE_SECONDS": str(PATIENCE),
        "CAPTION_RAY_CPUS": "1",
        "CAPTION_RAY_MAX_REPLICAS": "1",
    }
    log = tmp_path_factory.mktemp("ray") / "log"
    yield from running(start_server(log, "deploy.ray.local", None, **ray_cluster, **settings))


def running(server: Server) -> Iterator[Server]:
    """The server once it is ready; afterwards it must stop when it is told to."""
    server.wait_until_ready()
    yield server
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=PATIENCE) == 0
