"""What is compared: each a server of its own, started with the same settings."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

import httpx

from benchmarks.latency import photo
from benchmarks.server import Server, ServerError, start_server

STARTS_WITHIN_SECONDS = 180
OPTIONS = {"beam_size": "3"}


@dataclass(frozen=True)
class Peer:
    """A server, and what has to be installed for it."""

    name: str
    title: str
    module: str
    needs: tuple[str, ...] = ()
    path: str = "/predict"
    settings: dict[str, str] = field(default_factory=dict)
    slow: bool = False  # seconds for a caption: one client, and no more

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(name for name in self.needs if not find_spec(name))


SERVERS = "benchmarks.compare.servers"
OURS = Peer(
    "ours",
    "**this service**, OpenVINO int8",
    "service",
    path="/caption",
    settings={"CAPTION_ENGINE": "openvino"},
)
TENSORFLOW = Peer(
    "tensorflow",
    "this service, TensorFlow",
    "service",
    ("tensorflow",),
    "/caption",
    {"CAPTION_ENGINE": "tensorflow"},
)
PEERS = (
    OURS,
    TENSORFLOW,
    Peer(
        "litserve",
        "LitServe, our model in OpenVINO",
        f"{SERVERS}.with_litserve",
        ("litserve",),
        settings={"CAPTION_ENGINE": "openvino"},
    ),
    Peer(
        "bentoml",
        "BentoML, our model in OpenVINO",
        f"{SERVERS}.with_bentoml",
        ("bentoml",),
        settings={"CAPTION_ENGINE": "openvino"},
    ),
    Peer(
        "tutorial",
        "Keras `predict` for each word and beam",
        f"{SERVERS}.tutorial",
        ("tensorflow",),
        slow=True,
    ),
    Peer(
        "blip",
        "BLIP-base, `transformers`, random weights, ten words forced",
        f"{SERVERS}.blip",
        ("transformers", "torch"),
        slow=True,
    ),
)


@dataclass(frozen=True)
class Running:
    peer: Peer
    server: Server
    ready_seconds: float  # from its start to its first caption

    @property
    def url(self) -> str:
        return f"{self.server.url}{self.peer.path}"

    @property
    def megabytes(self) -> float:
        """Memory of its processes, each shared page divided among those that share it."""
        return sum(map(_proportional_bytes, _family(self.server.process.pid))) / 1e6


@contextmanager
def running(peer: Peer) -> Iterator[Running]:
    """The server, from its first caption on. Raises ServerError with its log."""
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        settings = {"CAPTION_LOG_LEVEL": "error", **peer.settings}
        server = start_server(log, peer.module, None, **settings)
        try:
            yield Running(peer, server, _first_caption(peer, server))
        finally:
            for process in reversed(_family(server.process.pid)):
                _terminate(process)
            server.process.wait()


def _first_caption(peer: Peer, server: Server) -> float:
    while perf_counter() < server.started + STARTS_WITHIN_SECONDS:
        if server.process.poll() is not None:
            break
        try:
            answer = httpx.post(
                f"{server.url}{peer.path}",
                files={"image": photo(500, 375)},
                data=OPTIONS,
                timeout=60,
            )
            if answer.status_code == httpx.codes.OK:
                return perf_counter() - server.started
        except httpx.TransportError:
            pass
        sleep(0.05)
    log = server.log.read_text(errors="replace")
    raise ServerError(f"{peer.name} captioned nothing:\n{log[-3000:]}")


def _family(process: int) -> list[int]:
    """A process and those it started, oldest first."""
    try:
        tasks = Path(f"/proc/{process}/task").iterdir()
        children = " ".join((task / "children").read_text() for task in tasks)
    except OSError:  # it ended
        return []
    return [process, *(each for child in children.split() for each in _family(int(child)))]


def _proportional_bytes(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _terminate(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGTERM)
