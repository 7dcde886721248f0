"""How the servers that are compared are started and stopped."""

import time
from pathlib import Path

import pytest

from benchmarks.compare import running
from benchmarks.compare.peers import Peer
from benchmarks.server import ServerError

pytestmark = pytest.mark.http

STUBBORN = Peer("stubborn", "one that does not stop", "tests.stubborn_server")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "STOPS_WITHIN_SECONDS", 0.1)


def test_a_server_and_what_it_started_are_gone_afterwards() -> None:
    with running.running(STUBBORN) as server:
        processes = running.family(server.server.process.pid)
        assert len(processes) == 2
        assert server.megabytes > 1
    for process in processes:
        assert ended(process)


def test_a_server_that_takes_no_photo_is_given_up_with_its_answer() -> None:
    peer = Peer("lost", "one at another path", "tests.stubborn_server", path="/nowhere")
    with (
        pytest.raises(ServerError, match="lost captioned nothing; last: 404"),
        running.running(peer),
    ):
        pass


def test_a_server_that_ends_at_once_is_given_up_with_its_log() -> None:
    peer = Peer("absent", "one that is not there", "tests.no_such_server")
    with pytest.raises(ServerError, match="No module named"), running.running(peer):
        pass


def ended(process: int) -> bool:
    """Whether it is gone, or is before long: whoever inherits it has yet to collect it."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state in "ZX":
            return True
        time.sleep(0.05)
    return False
