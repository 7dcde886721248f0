import json
import re
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from service import bulk, cli
from service.captioning import DeviceError
from service.cli import main
from service.manifest import ArtifactError
from service.server import Server
from service.settings import Settings
from tests.service.conftest import FakeCaptioner, StandIn, encode, grey_png, tiny_manifest

Capture = pytest.CaptureFixture[str]


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
def photos(tmp_path: Path) -> Path:
    """A folder of photos, some in folders of it, beside what is none."""
    for shade, name in enumerate(
        ("b.png", "a.PNG", "deep/er/c.png", "deep/d.webp", "e.png"), start=1
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        suffix = path.suffix.removeprefix(".").upper()
        path.write_bytes(encode(Image.new("L", (4, 3), 10 * shade), suffix, lossless=True))
    (tmp_path / "notes.txt").write_text("no photo")
    (tmp_path / "deep" / "png").write_text("no photo")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "http"), ("MAX_BYTES", "0"), ("LOG_LEVEL", "loud")]
)
@pytest.mark.parametrize("command", [[], ["health"], ["caption", "photo.jpg"]])
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
    assert main(["health"]) == 2
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


def test_without_a_command_it_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Server] = []

    def run(self: Server) -> None:
        served.append(self)
        self.started = True

    monkeypatch.setattr(Server, "run", run)
    logging_as: list[Settings] = []
    monkeypatch.setattr("service.cli.configure_logging", logging_as.append)
    monkeypatch.setenv("CAPTION_HOST", "0.0.0.0")  # noqa: S104
    monkeypatch.setenv("CAPTION_PORT", "8123")
    monkeypatch.setenv("CAPTION_LOG_LEVEL", "warning")
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert main([]) == 0
        asked_to_stop = signal.getsignal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    (config,) = (server.config for server in served)
    assert (config.host, config.port) == ("0.0.0.0", 8123)  # noqa: S104
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


@pytest.fixture
def closed_port() -> int:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return server.server_port


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


def test_a_photo_is_captioned_in_a_line(stand_in: StandIn, photos: Path, capsys: Capture) -> None:
    assert main(["caption", str(photos / "b.png")]) == 0
    output = capsys.readouterr()
    assert output.out == f"{photos / 'b.png'}\tshade-10 dog's doesn't\n"
    assert output.err == ""


def test_the_photos_of_a_folder_are_captioned_in_order(
    stand_in: StandIn, photos: Path, capsys: Capture
) -> None:
    assert main(["caption", str(photos)]) == 0
    files = [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()]
    names = ("a.PNG", "b.png", "deep/d.webp", "deep/er/c.png", "e.png")
    assert files == [str(photos / name) for name in names]


def test_files_are_captioned_in_the_order_they_are_named(
    stand_in: StandIn, photos: Path, capsys: Capture
) -> None:
    main(["caption", str(photos / "b.png"), str(photos / "deep"), str(photos / "a.PNG")])
    captions = [line.split("\t")[1].split()[0] for line in capsys.readouterr().out.splitlines()]
    assert captions == ["shade-10", "shade-40", "shade-30", "shade-20"]


def test_a_file_that_is_named_is_read_whatever_its_suffix(
    stand_in: StandIn, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "photo").write_bytes(grey_png(90))
    assert main(["caption", str(tmp_path / "photo")]) == 0
    assert "shade-90" in capsys.readouterr().out


def test_a_folder_without_photos_is_captioned_in_no_lines(
    stand_in: StandIn, tmp_path: Path, capsys: Capture
) -> None:
    assert main(["caption", str(tmp_path)]) == 0
    assert capsys.readouterr().out == ""


def test_as_json_a_line_is_what_the_api_answers_and_the_file(
    stand_in: StandIn, photos: Path, capsys: Capture
) -> None:
    assert main(["caption", "--json", str(photos), "--beam-size", "2"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 5
    assert list(lines[0]) == [
        "file",
        "caption",
        "confidence",
        "uncertain",
        "beams",
        "options",
        "image",
        "model",
        "milliseconds",
    ]
    assert lines[0]["file"] == str(photos / "a.PNG")
    assert lines[0]["image"] == {"width": 4, "height": 3, "format": "PNG"}
    assert len(lines[0]["beams"]) == 2


def test_options_are_the_model_s_defaults_if_not_given(
    stand_in: StandIn, photos: Path, captioner: FakeCaptioner
) -> None:
    photo = str(photos / "b.png")
    main(["caption", photo])
    main(["caption", photo, "--beam-size", "5", "--max-length", "7", "--length-penalty", "0"])
    assert [options.model_dump() for options in captioner.options] == [
        {"beam_size": 3, "max_length": 5, "length_penalty": 0.5},
        {"beam_size": 5, "max_length": 7, "length_penalty": 0},
    ]


@pytest.mark.parametrize(
    "option", [["--beam-size", "99"], ["--max-length", "0"], ["--length-penalty", "-1"]]
)
def test_an_option_out_of_range_is_misuse(
    stand_in: StandIn, photos: Path, capsys: Capture, option: list[str]
) -> None:
    assert main(["caption", str(photos), *option]) == 2
    output = capsys.readouterr()
    assert output.err.startswith(f"error: {option[0][2:].replace('-', '_')} must be from ")
    assert output.out == ""


def test_a_broken_file_is_told_and_the_others_are_captioned(
    stand_in: StandIn, photos: Path, capsys: Capture
) -> None:
    (photos / "ab.jpg").write_text("no photo")
    (photos / "ac.png").write_bytes(b"")
    assert main(["caption", str(photos)]) == 1
    output = capsys.readouterr()
    assert len(output.out.splitlines()) == 5
    assert output.err.splitlines()[0].startswith(f"{photos / 'ab.jpg'}: the file is not an image")
    assert output.err.splitlines()[1].startswith(f"{photos / 'ac.png'}: the image file is empty")


def test_a_file_that_does_not_exist_is_told_and_the_others_are_captioned(
    stand_in: StandIn, photos: Path, capsys: Capture
) -> None:
    assert main(["caption", str(photos / "nothing.jpg"), str(photos / "b.png")]) == 1
    output = capsys.readouterr()
    assert "nothing.jpg" in output.err
    assert output.out.startswith(str(photos / "b.png"))


def test_a_folder_named_like_a_photo_is_no_failure(stand_in: StandIn, photos: Path) -> None:
    (photos / "holiday.jpg").mkdir()
    assert main(["caption", str(photos)]) == 0


def test_too_many_pixels_are_refused_by_the_same_setting(
    stand_in: StandIn, photos: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAPTION_MAX_PIXELS", "11")
    assert main(["caption", str(photos / "b.png")]) == 1
    assert "more than 11 pixels" in capsys.readouterr().err


def test_a_missing_processor_is_told_in_a_line(
    stand_in: StandIn, photos: Path, capsys: Capture
) -> None:
    stand_in.error = DeviceError("there is no GPU; set CAPTION_DEVICE=auto")
    assert main(["caption", str(photos)]) == 1
    assert capsys.readouterr().err == "error: there is no GPU; set CAPTION_DEVICE=auto\n"


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


def test_a_missing_model_is_told_in_a_line(
    stand_in: StandIn, photos: Path, capsys: Capture
) -> None:
    stand_in.error = ArtifactError("/models holds no manifest.json")
    assert main(["caption", str(photos)]) == 1
    output = capsys.readouterr()
    assert output.err == "error: /models holds no manifest.json\n"
    assert output.out == ""


def test_the_limits_are_the_model_s(
    stand_in: StandIn, photos: Path, captioner: FakeCaptioner
) -> None:
    limits = {"beam_size": [3, 3], "max_length": [1, 30], "length_penalty": [0, 2]}
    captioner.manifest = tiny_manifest(limits=limits)
    assert main(["caption", str(photos), "--beam-size", "2"]) == 2


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--ray"], "--ray needs --output FOLDER"),
        (["--ray", "--output", "captions", "--beam-size", "99"], "beam_size must be from 1 to 10"),
    ],
)
def test_captioning_in_bulk_says_what_it_needs(
    arguments: list[str], complaint: str, photos: Path, capsys: Capture
) -> None:
    assert main(["caption", str(photos), *arguments]) == 2
    assert complaint in capsys.readouterr().err


def test_captioning_in_bulk_says_what_to_install(
    photos: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "find_spec", lambda name: None)
    assert main(["caption", str(photos), "--ray", "--output", "captions"]) == 2
    assert capsys.readouterr().err == "error: --ray needs the extra `scale`\n"


def test_captioning_in_bulk_counts_what_it_did(
    photos: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[object] = []

    def caption_files(*arguments: object) -> Counter[str]:
        asked.extend(arguments)
        return Counter({"": 1980, "image_truncated": 20})

    monkeypatch.setattr(bulk, "caption_files", caption_files)
    output = str(tmp_path / "captions")
    command = ["caption", str(photos), "--ray", "--output", output, "--workers", "3"]
    assert main([*command, "--max-length", "9"]) == 0
    assert capsys.readouterr().out == "1,980 captioned, 20 failed {'image_truncated': 20}\n"
    assert asked[1] == Path(output)
    assert asked[2] == {"beam_size": None, "max_length": 9, "length_penalty": None}
    assert asked[4] == 3
