"""A server in a process of its own, for the benchmarks and the end-to-end tests."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

ROOT = Path(__file__).resolve().parent.parent
READY_WITHIN_SECONDS = 300  # Ray on a machine that is busy with other things


class ServerError(Exception):
    """The server stopped or did not become ready in time; the message holds its log."""


@dataclass(frozen=True)
class Server:
    url: str
    process: subprocess.Popen[bytes]
    environment: dict[str, str]
    log: Path
    started: float  # perf_counter()

    def wait_until_ready(self) -> float:
        """Seconds from the start until `/health` said so. Raises ServerError."""
        deadline = self.started + READY_WITHIN_SECONDS
        while time.perf_counter() < deadline and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/health").status_code == httpx.codes.OK:
                    return time.perf_counter() - self.started
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        self.process.kill()
        self.process.wait()
        log = self.log.read_text(errors="replace")
        raise ServerError(f"the server did not become ready:\n{log}")

    def resident_bytes(self) -> int:
        """Resident memory as Linux tells it, in /proc."""
        return self._memory("VmRSS:")

    def peak_bytes(self) -> int:
        """The most resident memory so far."""
        return self._memory("VmHWM:")

    def _memory(self, name: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith(name))
        return int(line.split()[1]) * 1024


@contextmanager
def serving(module: str = "service", **settings: str) -> Iterator[Server]:
    """A server that is stopped in the end; its log is kept as long. Not waited for."""
    with TemporaryDirectory() as folder:
        server = start_server(Path(folder) / "log", module, None, **settings)
        try:
            yield server
        finally:
            server.process.terminate()
            server.process.wait()


def free_port() -> int:
    """A TCP port of this machine that nobody listens on."""
    with socket.socket() as any_socket:
        any_socket.bind(("127.0.0.1", 0))
        port: int = any_socket.getsockname()[1]
        return port


def start_server(
    log: Path, module: str = "service", port: int | None = None, **settings: str
) -> Server:
    """`python -m service`, or another module, on a free port, with CAPTION_* settings.

    It writes to `log`.
    """
    port = port or free_port()
    environment = os.environ | settings | {"CAPTION_PORT": str(port)}
    started = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            [sys.executable, "-m", module],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    return Server(f"http://127.0.0.1:{port}", process, environment, log, started)
