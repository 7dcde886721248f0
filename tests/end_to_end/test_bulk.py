"""Many photos by `python -m service caption --ray`: broken ones, and a power cut."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from service.bulk import SCHEMA, write
from tests.conftest import REPOSITORY
from tests.end_to_end.conftest import PATIENCE
from tests.photos import jpeg, views

pytestmark = pytest.mark.http

PHOTOS, BROKEN = 60, 5
COMMAND = [sys.executable, "-m", "service", "caption"]
# Writes what it has at once, and not every ten seconds.
HASTY = "import sys; from service import bulk, cli; bulk.PART_SECONDS = 0; sys.exit(cli.main())"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for i, view in enumerate(views(PHOTOS, 224)):
        (folder / f"{i:03}.jpg").write_bytes(jpeg(Image.fromarray(view)))
    for i in range(BROKEN):
        (folder / f"broken-{i}.jpg").write_bytes((folder / f"{i:03}.jpg").read_bytes()[:2000])
    return folder


def rows(output: Path) -> list[dict[str, Any]]:
    """What the finished parts hold."""
    parts = sorted(output.glob("part-*.parquet"))
    return [row for part in parts for row in pq.read_table(part).to_pylist()]


def bulk(output: Path, *photos: Path) -> list[str]:
    """Arguments of `python -m service`."""
    options = ["--ray", "--workers", "2", "--beam-size", "3", "--output", str(output)]
    return ["caption", *options, *map(str, photos)]


@pytest.fixture
def environment(ray_cluster: dict[str, str]) -> dict[str, str]:
    return os.environ | ray_cluster | {"CAPTION_THREADS": "1"}


def test_stopped_half_way_it_goes_on_and_gives_what_one_process_gives(
    photos: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    output = tmp_path / "captions.parquet"
    # Nobody writes into this pipe: whoever reads it waits, so that the first is never done.
    endless = tmp_path / "endless.jpg"
    os.mkfifo(endless)
    with subprocess.Popen(
        [sys.executable, "-c", HASTY, *bulk(output, photos, endless)],
        cwd=REPOSITORY,
        env=environment,
    ) as first:
        try:
            deadline = time.monotonic() + PATIENCE
            while not rows(output):
                assert first.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            first.kill()
    before = {part.name: part.stat().st_mtime_ns for part in output.glob("part-*.parquet")}
    finished = {row["file"] for row in rows(output)}
    assert 0 < len(finished) < PHOTOS + BROKEN

    second = subprocess.run(
        [sys.executable, "-m", "service", *bulk(output, photos)],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    for name, written in before.items():
        assert (output / name).stat().st_mtime_ns == written
    found = rows(output)
    assert max(Counter(row["file"] for row in found).values()) == 1
    assert len(found) == PHOTOS + BROKEN
    errors = {Path(row["file"]).stem: row["error"] for row in found if row["error"]}
    assert errors == {f"broken-{i}": "image_truncated" for i in range(BROKEN)}
    done = len(found) - len(finished)
    said = [int(word) for word in second.stdout.replace(",", "").split() if word.isdigit()]
    assert sum(said[:2]) == done

    alone = subprocess.run(
        [*COMMAND, "--json", "--beam-size", "3", str(photos)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    expected = {each["file"]: each for each in map(json.loads, alone.stdout.splitlines())}
    assert len(expected) == PHOTOS
    for row in found:
        if not row["error"]:
            assert row["caption"] == expected[row["file"]]["caption"]
            best = expected[row["file"]]["beams"][0]
            assert row["log_probability"] == pytest.approx(best["log_probability"], abs=1e-3)


def test_with_nothing_left_to_do_it_asks_for_no_ray(tmp_path: Path) -> None:
    photo, output = tmp_path / "photo.jpg", tmp_path / "output"
    photo.write_bytes(b"")
    output.mkdir()
    row: dict[str, list[str | None]] = {name: [None] for name in SCHEMA.names}
    write(output, [pa.table(row | {"file": [str(photo)]}, schema=SCHEMA)])
    done = subprocess.run(
        [sys.executable, "-m", "service", *bulk(output, photo)],
        cwd=REPOSITORY,
        env=os.environ | {"RAY_ADDRESS": "127.0.0.1:1"},  # where there is none
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "0 captioned, 0 failed\n"
