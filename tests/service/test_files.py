"""`caption` on the command line."""

import io
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from service import bulk, files
from service.cli import main
from service.engine.errors import ArtifactError, DeviceError
from service.engine.manifest import SearchOptions
from service.http.schemas import CaptionResponse
from tests.service.conftest import FakeCaptioner, StandIn, encode, grey_png, tiny_manifest

Capture = pytest.CaptureFixture[str]


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


def test_a_photo_is_captioned_in_a_line(stand_in: StandIn, photos: Path, capsys: Capture) -> None:
    assert main(["caption", str(photos / "b.png")]) == 0
    output = capsys.readouterr()
    assert output.out == f"{photos / 'b.png'}\tshade-10 dog's doesn't\t\t\n"
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


def test_a_folder_without_photos_says_so(
    stand_in: StandIn, tmp_path: Path, capsys: Capture
) -> None:
    assert main(["caption", str(tmp_path)]) == 1
    output = capsys.readouterr()
    assert output.err == f"{tmp_path}: there is no photo in this folder\n"
    assert output.out == ""
    assert stand_in.loaded == []


def test_a_folder_without_photos_beside_others_is_a_failure_in_the_end(
    stand_in: StandIn, photos: Path, tmp_path_factory: pytest.TempPathFactory, capsys: Capture
) -> None:
    empty = tmp_path_factory.mktemp("empty")
    assert main(["caption", str(empty), str(photos)]) == 1
    assert len(capsys.readouterr().out.splitlines()) == 5


def test_what_in_a_folder_cannot_be_read_is_reported(
    stand_in: StandIn, photos: Path, capsys: Capture
) -> None:
    (photos / "drawing.svg").write_text("<svg></svg>")
    (photos / "paper.pdf").write_text("%PDF-1.7")
    (photos / "phone.HEIC").write_text("damaged")
    assert main(["caption", str(photos)]) == 1
    output = capsys.readouterr()
    assert len(output.out.splitlines()) == 5
    assert [line.split(":")[0] for line in output.err.splitlines()] == [
        str(photos / name) for name in ("drawing.svg", "paper.pdf", "phone.HEIC")
    ]


def test_photos_are_known_by_all_their_suffixes(
    stand_in: StandIn, tmp_path: Path, capsys: Capture
) -> None:
    for suffix in ("jpg", "JPEG", "jpe", "jfif", "mpo", "apng", "tif"):
        (tmp_path / f"photo.{suffix}").write_bytes(grey_png())
    assert main(["caption", str(tmp_path)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 7


def test_standard_input_is_read(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(grey_png(90))))
    assert main(["caption", "-"]) == 0
    assert capsys.readouterr().out.startswith("-\tshade-90 ")


@pytest.mark.parametrize(
    ("confidence", "uncertain", "said"), [(0.2, True, "0.20\tuncertain"), (0.8, False, "0.80\t")]
)
def test_a_line_says_how_confident_the_model_is(
    stand_in: StandIn,
    photos: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
    confidence: float,
    uncertain: bool,
    said: str,
) -> None:
    real = CaptionResponse.of

    def calibrated(*arguments: Any) -> CaptionResponse:
        found = {"confidence": confidence, "uncertain": uncertain}
        return real(*arguments).model_copy(update=found)

    monkeypatch.setattr(CaptionResponse, "of", calibrated)
    assert main(["caption", str(photos / "b.png")]) == 0
    assert capsys.readouterr().out.endswith(f"\t{said}\n")


PRETENDING = """
import sys
from tests.service.conftest import FakeCaptioner, StandIn, tiny_manifest
sys.modules["service.engine.load"] = StandIn(FakeCaptioner(tiny_manifest()))
from service.cli import main
sys.exit(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are Unicode")
@pytest.mark.parametrize("locale", ["C.UTF-8", "POSIX"])
def test_any_name_of_a_file_is_written(tmp_path: Path, locale: str) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    names = [b"a\tb\n.png", b"caf\xe9.png", "caf\u00e9.png".encode()]
    for name in names:
        Path(os.fsdecode(bytes(folder) + b"/" + name)).write_bytes(grey_png())
    environment = os.environ | {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONIOENCODING": ""}

    def written(*options: str) -> bytes:
        command = [sys.executable, "-c", PRETENDING, "caption", *options, str(folder)]
        done = subprocess.run(command, capture_output=True, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    lines = written().splitlines()
    start = bytes(folder) + b"/"
    assert [line.split(b"\t")[0].removeprefix(start) for line in lines] == [
        rb"a\tb\n.png",
        "caf\u00e9.png".encode(),
        b"caf\xe9.png",
    ]
    found = [json.loads(line)["file"] for line in written("--json").splitlines()]
    assert sorted(os.fsencode(each).removeprefix(start) for each in found) == sorted(names)


def test_a_name_that_is_not_utf_8_is_told_in_bulk(
    photos: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    named: list[Path] = []

    def caption_files(files: list[Path], *_: object) -> Counter[str]:
        named.extend(files)
        return Counter()

    monkeypatch.setattr(bulk, "caption_files", caption_files)
    odd = photos / os.fsdecode(b"caf\xe9.png")
    try:
        odd.write_bytes(grey_png())
    except OSError:
        pytest.skip("this file system has no such names")
    assert main(["caption", str(photos), "--ray", "--output", "captions"]) == 0
    assert len(named) == 5
    assert "its name is not UTF-8" in capsys.readouterr().err


def test_a_reader_that_leaves_ends_it_without_a_traceback(photos: Path) -> None:
    command = [sys.executable, "-c", PRETENDING, "caption", "--json", *[str(photos)] * 200]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline().startswith(b"{")
        process.stdout.close()
        errors = process.stderr.read()
        assert process.wait() == 1
    assert b"Traceback" not in errors
    assert b"BrokenPipe" not in errors


def test_an_interrupt_is_told_in_a_word(
    stand_in: StandIn, photos: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stand_in, "load_captioner", interrupt)
    assert main(["caption", str(photos)]) == 130
    assert capsys.readouterr().err == "interrupted\n"


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
    assert [options.model_dump(exclude_none=True) for options in captioner.options] == [
        {"beam_size": 3, "max_length": 5, "length_penalty": 0.5},
        {"beam_size": 5, "max_length": 7, "length_penalty": 0},
    ]


def test_how_people_are_named_is_chosen_where_the_model_can(
    stand_in: StandIn, photos: Path, captioner: FakeCaptioner, capsys: Capture
) -> None:
    command = ["caption", str(photos / "b.png"), "--people", "neutral"]
    assert main(command) == 2
    assert "people" in capsys.readouterr().err
    search = captioner.manifest.search.model_copy(update={"people": "seen"})
    captioner.manifest = captioner.manifest.model_copy(update={"search": search})
    assert main(command) == 0
    assert [options.people for options in captioner.options] == ["neutral"]


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


def test_a_file_that_does_not_exist_is_told_before_the_model_is_loaded(
    stand_in: StandIn, photos: Path, capsys: Capture
) -> None:
    missing = [str(photos / name) for name in ("nothing.jpg", "nowhere")]
    assert main(["caption", missing[0], str(photos / "b.png"), missing[1]]) == 2
    output = capsys.readouterr()
    assert output.err == f"error: no such file or folder: {', '.join(missing)}\n"
    assert output.out == ""
    assert stand_in.loaded == []


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
        (["--ray", "--output", "captions", "--json"], "leave out --json"),
        (["-", "--ray", "--output", "captions"], "not standard input"),
        (["--output", "captions"], "--output and --workers need --ray"),
        (["--workers", "3"], "--output and --workers need --ray"),
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
    monkeypatch.setattr(files, "find_spec", lambda name: None)
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
    assert asked[2] == dict.fromkeys(SearchOptions.model_fields) | {"max_length": 9}
    assert asked[4] == 3
