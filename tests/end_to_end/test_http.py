"""The real model behind a real server, with real photos."""

import json
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.server import Server
from tests.conftest import REPOSITORY
from tests.end_to_end.conftest import PATIENCE
from tests.photos import FOLDER, flickr_sized_jpeg

pytestmark = pytest.mark.http


@pytest.fixture(params=["server", "ray_server"])
def either(request: pytest.FixtureRequest) -> Server:
    """One process, and then the same routes on Ray Serve: both must answer alike."""
    chosen: Server = request.getfixturevalue(request.param)
    return chosen


PEOPLE = {"man", "woman", "boy", "girl", "child", "person", "people", "men", "women", "baby"}


def headers(server: Server) -> dict[str, str]:
    return {"X-API-Key": server.environment.get("CAPTION_API_KEYS", "")}


def post(server: Server, image: bytes, **options: float) -> dict[str, Any]:
    fields = {name: str(value) for name, value in options.items()}
    answer = httpx.post(
        f"{server.url}/caption",
        files={"image": image},
        data=fields,
        headers=headers(server),
        timeout=PATIENCE,
    )
    assert answer.status_code == httpx.codes.OK, answer.text
    result: dict[str, Any] = answer.json()
    return result


@pytest.mark.parametrize(
    ("name", "size", "format_", "expected"),
    [
        ("chelsea.png", (451, 300), "PNG", {"cat", "dog", "animal", "kitten", "puppy"}),
        ("astronaut.png", (512, 512), "PNG", PEOPLE),
        ("motorcycle_left.png", (741, 500), "PNG", {"motorcycle", "bike", "bicycle", "motorbike"}),
        ("rocket.jpg", (640, 427), "JPEG", set()),
        ("coffee.png", (600, 400), "PNG", set()),
    ],
)
def test_a_photo_gets_a_caption(
    either: Server, name: str, size: tuple[int, int], format_: str, expected: set[str]
) -> None:
    result = post(either, (FOLDER / name).read_bytes())
    words = set(result["caption"].split())
    assert len(words) >= 3
    assert not expected or words & expected, result["caption"]
    assert (result["image"]["width"], result["image"]["height"]) == size
    assert result["image"]["format"] == format_
    assert result["caption"] == result["beams"][0]["text"]
    assert min(result["milliseconds"].values()) >= 0


def test_beams_are_ranked_by_score_and_as_probable_as_their_words(either: Server) -> None:
    result = post(either, flickr_sized_jpeg(), beam_size=5, length_penalty=0.5, max_length=9)
    assert len(result["beams"]) == 5
    scores = [beam["score"] for beam in result["beams"]]
    assert scores == sorted(scores, reverse=True)
    for beam in result["beams"]:
        total = sum(word["log_probability"] for word in beam["words"])
        total += beam["end_log_probability"]
        assert beam["log_probability"] == pytest.approx(total)
        assert len(beam["words"]) <= 9


def test_the_same_photo_gets_the_same_caption_also_among_others(either: Server) -> None:
    photo = flickr_sized_jpeg()
    first = post(either, photo)
    with ThreadPoolExecutor(6) as pool:
        again = list(pool.map(lambda _: post(either, photo), range(12)))
    assert {each["caption"] for each in again} == {first["caption"]}
    assert len({each["request_id"] for each in again}) == 12


def test_the_command_line_captions_as_the_server_does(server: Server) -> None:
    names = ("chelsea.png", "coffee.png")
    command = [sys.executable, "-m", "service", "caption", "--json"]
    done = subprocess.run(
        [*command, *(str(FOLDER / name) for name in names)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    captions = [json.loads(line)["caption"] for line in done.stdout.splitlines()]
    assert captions == [post(server, (FOLDER / name).read_bytes())["caption"] for name in names]


def test_the_health_command_knows_a_ready_server(server: Server) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "service", "health"],
        cwd=REPOSITORY,
        env=server.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)["state"] == "ready"


def test_the_model_path_gives_the_manifest(either: Server, artifact: Path) -> None:
    manifest = json.loads((artifact / "manifest.json").read_text())
    described = httpx.get(f"{either.url}/model").json()
    assert described.pop("engine") in ("openvino", "tensorflow")
    assert described == manifest


def test_bad_uploads_leave_the_server_well(either: Server) -> None:
    for image in (b"", b"no image", b"\x89PNG\r\n\x1a\n", flickr_sized_jpeg()[:500]):
        answer = httpx.post(
            f"{either.url}/caption", files={"image": image}, headers=headers(either)
        )
        assert answer.headers["content-type"] == "application/problem+json"
        assert 400 <= answer.status_code < 500
    assert post(either, flickr_sized_jpeg())["caption"]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads memory from Linux's /proc")
def test_memory_stays_below_a_gigabyte_and_a_half(server: Server) -> None:
    for beam_size in (1, 3, 10):
        post(server, flickr_sized_jpeg(), beam_size=beam_size)
    assert server.resident_bytes() < 1_500_000_000


def test_start_up_says_where_to_open_it_and_complains_of_nothing(server: Server) -> None:
    port = server.environment["CAPTION_PORT"]
    deadline = time.monotonic() + PATIENCE
    while f"Open http://localhost:{port}" not in (log := server.log.read_text()):
        assert time.monotonic() < deadline, log
        time.sleep(0.05)
    start_up = log.split("Open http://")[0]
    assert not re.search(r"cuInit|WARNING|ERROR|Traceback", start_up), start_up
