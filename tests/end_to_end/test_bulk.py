"""Many photos by `python -m service caption --ray`: broken ones, and a power cut."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.conftest import REPOSITORY
from tests.photos import jpeg, views

pytestmark = pytest.mark.http

PHOTOS, BROKEN = 90, 5
COMMAND = [sys.executable, "-m", "service", "caption"]
ENVIRONMENT = os.environ | {"CAPTION_THREADS": "1"}


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


def bulk(photos: Path, output: Path) -> list[str]:
    return [*COMMAND, "--ray", "--beam-size", "3", str(photos), "--output", str(output)]


def test_stopped_half_way_it_goes_on_and_gives_what_one_process_gives(
    photos: Path, tmp_path: Path
) -> None:
    output = tmp_path / "captions.parquet"
    first = subprocess.Popen(
        bulk(photos, output), cwd=REPOSITORY, env=ENVIRONMENT, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while not rows(output):
        assert first.poll() is None, "it was done before it could be stopped"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    before = {part.name: part.stat().st_mtime_ns for part in output.glob("part-*.parquet")}
    finished = {row["file"] for row in rows(output)}
    assert 0 < len(finished) < PHOTOS + BROKEN

    second = subprocess.run(
        bulk(photos, output),
        cwd=REPOSITORY,
        env=ENVIRONMENT,
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


def test_with_nothing_left_to_do_it_starts_no_process(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = subprocess.run(
        bulk(tmp_path / "empty", tmp_path / "output"),
        cwd=REPOSITORY,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "0 captioned, 0 failed\n"
