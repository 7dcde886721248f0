import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from service import __version__, cli
from service.cli import main
from service.engine.errors import DeviceError
from service.http.server import BROKEN, Server
from service.settings import Settings
from tests.service.conftest import StandIn

Capture = pytest.CaptureFixture[str]

EXIT_STATUSES = (0, 1, 2, 3, BROKEN, 130)


@contextmanager
def answering(status: int, body: bytes) -> Iterator[int]:
    """A server on this machine that always answers the same; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def closed_port() -> int:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return server.server_port


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "http"), ("MAX_BYTES", "0"), ("LOG_LEVEL", "loud")]
)
@pytest.mark.parametrize("command", [[], ["caption", "photo.jpg"]])
def test_a_setting_that_makes_no_sense_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture, command: list[str], name: str, value: str
) -> None:
    monkeypatch.setenv(f"CAPTION_{name}", value)
    assert main(command) == 2
    output = capsys.readouterr()
    assert output.err.startswith(f"error: CAPTION_{name}={value}: ")
    assert output.err.count("\n") == 1
    assert output.out == ""


def test_every_setting_that_makes_no_sense_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("CAPTION_PORT", "0")
    monkeypatch.setenv("CAPTION_THREADS", "0")
    assert main([]) == 2
    assert re.findall(r"CAPTION_\w+", capsys.readouterr().err) == [
        "CAPTION_PORT",
        "CAPTION_THREADS",
    ]


@pytest.mark.parametrize(
    "arguments", [["paint"], ["caption"], ["caption", "a.jpg", "--beam-size", "many"], ["--no"]]
)
def test_a_command_line_that_makes_no_sense_is_misuse(
    capsys: Capture, arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert "usage: python -m service" in capsys.readouterr().err


def test_help_lists_the_commands(capsys: Capture) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert left.value.code == 0
    output = capsys.readouterr().out
    assert "caption" in output
    assert "health" in output
    assert "CAPTION_" in output


@pytest.mark.parametrize("command", [[], ["serve"]])
def test_it_serves_also_without_a_command(
    monkeypatch: pytest.MonkeyPatch, closed_port: int, command: list[str]
) -> None:
    served: list[Server] = []
    bound: list[tuple[str, int]] = []

    def run(self: Server, sockets: list[socket.socket]) -> None:
        served.append(self)
        bound.extend(listening.getsockname() for listening in sockets)
        self.started = True

    monkeypatch.setattr(Server, "run", run)
    logging_as: list[Settings] = []
    monkeypatch.setattr("service.logs.configure_logging", logging_as.append)
    monkeypatch.setenv("CAPTION_HOST", "127.0.0.1")
    monkeypatch.setenv("CAPTION_PORT", str(closed_port))
    monkeypatch.setenv("CAPTION_LOG_LEVEL", "warning")
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert main(command) == 0
        asked_to_stop = signal.getsignal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    (config,) = (server.config for server in served)
    assert (config.host, config.port) == ("127.0.0.1", closed_port)
    assert bound == [("127.0.0.1", closed_port)]
    assert [settings.log_level for settings in logging_as] == ["warning"]
    assert callable(asked_to_stop)
    with pytest.raises(SystemExit) as left:
        asked_to_stop(signal.SIGTERM, None)
    assert left.value.code == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])  # noqa: S104
def test_a_healthy_server_is_healthy(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture, host: str
) -> None:
    with answering(200, b'{"state":"ready"}') as port:
        monkeypatch.setenv("CAPTION_HOST", host)
        monkeypatch.setenv("CAPTION_PORT", str(port))
        assert main(["health"]) == 0
    assert capsys.readouterr().out == '{"state":"ready"}\n'


def test_a_server_that_is_not_ready_is_not_healthy(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    with answering(503, b'{"state":"starting"}') as port:
        monkeypatch.setenv("CAPTION_PORT", str(port))
        assert main(["health"]) == 1
    output = capsys.readouterr()
    assert output.err == '{"state":"starting"}\n'
    assert output.out == ""


@pytest.mark.parametrize(
    ("host", "asked"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "[::1]")],  # noqa: S104
)
def test_no_server_is_not_healthy(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture, closed_port: int, host: str, asked: str
) -> None:
    monkeypatch.setenv("CAPTION_HOST", host)
    monkeypatch.setenv("CAPTION_PORT", str(closed_port))
    assert main(["health"]) == 1
    assert f"no answer from http://{asked}:{closed_port}/health" in capsys.readouterr().err


def test_a_proxy_is_not_asked_for_the_health(
    monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    monkeypatch.setattr("urllib.request._opener", None)  # remembers the environment
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port}")
    with answering(200, b"{}") as port:
        monkeypatch.setenv("CAPTION_PORT", str(port))
        assert main(["health"]) == 0


def test_a_server_that_shall_use_a_gpu_does_not_start_without_one(
    stand_in: StandIn, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(settings: Settings) -> None:
        assert settings.device == "gpu"
        raise DeviceError("there is no GPU")

    monkeypatch.setattr(stand_in, "check_device", refuse, raising=False)
    monkeypatch.setenv("CAPTION_DEVICE", "gpu")
    assert main([]) == 1
    assert capsys.readouterr().err == "error: there is no GPU\n"


def test_options_of_the_command_line_come_before_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("CAPTION_PORT", "1")
    with answering(200, b"{}") as port:
        assert main(["health", "--host", "127.0.0.1", "--port", str(port)]) == 0


def test_an_option_that_makes_no_sense_is_named(capsys: Capture) -> None:
    assert main(["serve", "--port", "http"]) == 2
    assert capsys.readouterr().err.startswith("error: --port http: ")


def test_the_version_is_told(capsys: Capture) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"photo-captions {__version__}\n"


def test_a_folder_without_a_model_is_told_before_listening(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "_listen", None)
    assert main(["serve", "--model-dir", str(tmp_path / "nowhere")]) == 1
    output = capsys.readouterr().err
    assert output.startswith(f"error: {tmp_path / 'nowhere'} holds no manifest.json")
    assert output.count("\n") == 1


def test_a_port_in_use_is_told_in_a_line(capsys: Capture) -> None:
    with answering(200, b"{}") as port:
        assert main(["serve", "--port", str(port)]) == 3
    output = capsys.readouterr().err
    assert output.startswith(f"error: cannot listen on 127.0.0.1 port {port}: ")
    assert "--port" in output
    assert output.count("\n") == 1


def test_an_address_of_another_machine_is_told_in_a_line(capsys: Capture) -> None:
    assert main(["serve", "--host", "192.0.2.1"]) == 3
    output = capsys.readouterr().err
    assert output.startswith("error: cannot listen on 192.0.2.1 port 8000: ")
    assert "--host" in output
    assert "--port" not in output
    assert output.count("\n") == 1


def test_every_exit_status_is_in_the_help(capsys: Capture) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    output = capsys.readouterr().out
    assert all(re.search(rf"^ +{status} ", output, re.MULTILINE) for status in EXIT_STATUSES)


def test_an_interrupt_while_libraries_are_imported_is_told_in_a_word(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def interrupt(options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_with_settings", interrupt)
    assert main(["serve"]) == 130
    assert capsys.readouterr().err == "interrupted\n"
