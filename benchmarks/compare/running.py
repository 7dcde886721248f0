"""A peer's server while it is measured: started, waited for, weighed, and stopped for certain."""

import os
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

import httpx

from benchmarks.compare.peers import OPTIONS, Peer
from benchmarks.latency import photo
from benchmarks.server import Server, ServerError, start_server

STARTS_WITHIN_SECONDS = 180
STOPS_WITHIN_SECONDS = 15


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
        return sum(map(_proportional_bytes, family(self.server.process.pid))) / 1e6


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
            _stop(server.process)


@contextmanager
def paused(processes: Iterable[int]) -> Iterator[None]:
    """Nothing that these processes started, nor they, run while the block does.

    A server that nobody asks may still take time: an idle LitServe polls its queues.
    """
    stopped = [each for process in processes for each in family(process)]
    _tell(stopped, signal.SIGSTOP)
    try:
        yield
    finally:
        _tell(stopped, signal.SIGCONT)


def _tell(processes: Iterable[int], what: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, what)


def _first_caption(peer: Peer, server: Server) -> float:
    last = "no answer"
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
            last = f"{answer.status_code} {answer.text[:500]}"
            if answer.is_client_error:  # which no waiting changes
                break
        except httpx.TransportError as error:
            last = repr(error)
        sleep(0.05)
    log = server.log.read_text(errors="replace")
    raise ServerError(f"{peer.name} captioned nothing; last: {last}\n{log[-3000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a server and all that it started.

    It is asked first, since it would replace workers that end before it; what is left is killed.
    """
    started = family(process.pid)
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOPS_WITHIN_SECONDS)
    process.kill()
    _tell(started[1:], signal.SIGKILL)
    process.wait()


def family(process: int) -> list[int]:
    """A process and those it started, oldest first."""
    try:
        tasks = Path(f"/proc/{process}/task").iterdir()
        children = " ".join((task / "children").read_text() for task in tasks)
    except OSError:  # it ended
        return []
    return [process, *(each for child in children.split() for each in family(int(child)))]


def _proportional_bytes(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
