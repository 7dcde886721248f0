"""What the side-by-side comparison makes of what it measured, without measuring."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.compare import __main__ as compare
from benchmarks.compare import clients, peers
from benchmarks.compare.clients import Counted, merged
from benchmarks.compare.peers import PEERS, Peer
from benchmarks.compare.running import family, paused
from docs import compared


def result() -> dict[str, Any]:
    one = Counted(10, [20.0, 30.0, 40.0], 0).summary()
    busy = Counted(10, [100.0] * 200, 7, 2).summary()
    measured = {"1 clients": one, "16 clients": busy, "beam 10": one}
    server = {"ready_seconds": 1.25, "megabytes": 400, "measured": measured}
    return {
        "machine": "2 CPU cores",
        "versions": {"python": "3.11"},
        "left_out": {"blip": ["torch"]},
        "minutes": 11.6,
        "titles": {peer.name: peer.title for peer in PEERS},
        "servers": {"ours": server},
        "folders": {"ours": 25.0},
        "graphs": {"resnet50": 50.0, "openvino, beam 3, 1 photos": 40.0},
    }


def test_rounds_add_up() -> None:
    both = merged([Counted(5, [10.0], 1, 3), Counted(5, [20.0, 30.0], 2, 1)])
    assert both.summary()["captions_per_second"] == 0.3
    assert (both.refused, both.failed, both.summary()["median"]) == (3, 4, 20.0)


def test_a_server_that_captioned_nothing_is_told_as_that() -> None:
    assert Counted(5, [], 9, 2).summary() == {
        "captions_per_second": 0.0,
        "refused": 9,
        "failed": 2,
    }


def test_the_tables_hold_what_was_measured() -> None:
    _, (row,) = compared.servers(result())
    assert row == [
        "**this service**, OpenVINO int8",
        "1.2 s",
        "400 MB",
        "30 / 40",
        "",
        "20.0, 7 refused, 2 failed",
        "",
    ]
    assert compared.costs(result())[1] == [[PEERS[0].title, "beam 10", "30 / 40"]]
    assert compared.graphs(result())[1][1] == ["openvino, beam 3, 1 photos", "40.0", "0.80"]


def test_what_was_left_out_is_said() -> None:
    about = compared.about(result())
    assert "Not measured: BLIP-base" in about
    assert "torch not installed" in about


def test_every_peer_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "find_spec", lambda name: None)
    assert Peer("n", "t", "m", ("torch", "transformers")).missing == ("torch", "transformers")


def test_servers_that_are_not_measured_are_paused_with_all_they_started() -> None:
    second = "print(flush=True); input()"
    first = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {second!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", first], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        # Once the second one runs: the first cannot be stopped while it waits for its start.
        assert process.stdout
        process.stdout.readline()
        every = family(process.pid)
        assert len(every) == 2
        with paused([process.pid]):
            while {state(each) for each in every} != {"T"}:
                time.sleep(0.01)
        while "T" in {state(each) for each in every}:
            time.sleep(0.01)


def state(process: int) -> str:
    """Of a process: "T" if it is stopped."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0]


def test_clients_count_answers_refusals_and_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([200, 503, 200, 429, 500])

    def answer(request: httpx.Request) -> httpx.Response:
        assert b"photo" in request.content
        return httpx.Response(next(answers, 200))

    real = httpx.AsyncClient
    monkeypatch.setattr(
        httpx,
        "AsyncClient",
        lambda **options: real(transport=httpx.MockTransport(answer)),
    )
    found = clients.post("http://server/caption", b"photo", clients=5, seconds=0)
    assert (len(found.milliseconds), found.refused, found.failed) == (2, 2, 1)


@pytest.mark.parametrize(("given", "written"), [(["--quick"], False), (["--rounds", "1"], True)])
def test_only_a_full_run_is_recorded(
    given: list[str], written: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.argv", ["compare", "--peers", "ours", *given])
    monkeypatch.setattr(compare, "RESULTS", tmp_path)
    monkeypatch.setattr(
        compare, "servers", lambda peers, options: {each.name: {} for each in peers}
    )
    monkeypatch.setattr(compare, "folder", lambda peer, files: float(files))
    monkeypatch.setattr(compare, "measure", lambda folder, photos, rounds: {})
    compare.main()
    assert (tmp_path / "compare.json").is_file() is written
