"""Captioning in bulk, but for Ray itself: what a worker makes of files, and what is kept."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from service import bulk
from service.bulk import SCHEMA, Worker, caption_files, finished, write
from service.settings import Settings
from tests.service.conftest import FakeCaptioner, StandIn, grey_png


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "photos"
    folder.mkdir()
    for shade in (10, 20, 30):
        (folder / f"{shade}.png").write_bytes(grey_png(shade))
    (folder / "note.png").write_text("no photo")
    return sorted(folder.iterdir())


def work(files: list[Path], **options: Any) -> dict[str, list[Any]]:
    return Worker(Settings(), options)({"file": [str(file) for file in files]})


def test_a_worker_fills_every_column_in_the_order_of_the_files(
    stand_in: StandIn, files: list[Path]
) -> None:
    found = work(files)
    assert list(found) == SCHEMA.names
    assert pa.table(found, schema=SCHEMA).num_rows == 4
    assert [Path(file).name for file in found["file"]] == ["10.png", "20.png", "30.png", "note.png"]
    captions = [caption and caption.split()[0] for caption in found["caption"]]
    assert captions == ["shade-10", "shade-20", "shade-30", None]
    assert found["width"] == [4, 4, 4, None]
    assert found["format"] == ["PNG", "PNG", "PNG", None]
    assert found["error"] == [None, None, None, "not_an_image"]
    assert found["detail"][3].startswith("the file is not an image")


def test_the_photos_of_a_batch_are_captioned_together(
    stand_in: StandIn, files: list[Path], captioner: FakeCaptioner
) -> None:
    work(files, beam_size=2)
    assert [options.beam_size for options in captioner.options] == [2]


def test_a_file_that_cannot_be_read_is_listed(stand_in: StandIn, tmp_path: Path) -> None:
    found = work([tmp_path / "gone.png"])
    assert found["error"] == ["unreadable"]
    assert found["detail"] == ["No such file or directory"]


def table(*files: Path) -> pa.Table:
    rows = {name: [None] * len(files) for name in SCHEMA.names}
    return pa.table(rows | {"file": [str(file) for file in files]}, schema=SCHEMA)


def test_what_was_written_is_finished_and_what_was_interrupted_is_not(tmp_path: Path) -> None:
    assert finished(tmp_path) == set()
    write(tmp_path, [table(Path("/a"), Path("/b")), table(Path("/c"))])
    write(tmp_path, [])
    (tmp_path / "1234.unfinished").write_bytes(b"PAR1, and then the power went")
    assert finished(tmp_path) == {"/a", "/b", "/c"}
    assert len(list(tmp_path.glob("part-*.parquet"))) == 1


class Ray:
    """In the place of Ray: tables of two files each, until it is told to fail."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fails_after = 99

    def captioned(self, files: list[str], *_: object) -> Iterator[pa.Table]:
        self.asked += files
        for start in range(0, len(files), 2):
            if start >= self.fails_after:
                raise RuntimeError("a machine burnt down")
            yield table(*map(Path, files[start : start + 2]))


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Ray:
    ray = Ray()
    monkeypatch.setattr(bulk, "_captioned", ray.captioned)
    return ray


def test_stopped_it_keeps_what_it_has_and_goes_on_with_the_rest(
    ray: Ray, files: list[Path], tmp_path: Path
) -> None:
    output = tmp_path / "captions.parquet"
    ray.fails_after = 2
    with pytest.raises(RuntimeError, match="burnt down"):
        caption_files(files, output, {}, Settings())
    assert finished(output) == {str(file) for file in files[:2]}
    ray.asked, ray.fails_after = [], 99
    assert caption_files(files, output, {}, Settings()) == {"": 2}
    assert ray.asked == [str(file) for file in files[2:]]
    assert caption_files(files, output, {}, Settings()) == {}
    assert pq.read_table(output).num_rows == 4


def test_a_file_is_the_same_from_wherever_it_is_named(
    ray: Ray, files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    caption_files(files, tmp_path / "output", {}, Settings())
    monkeypatch.chdir(files[0].parent)
    relative = [Path(file.name) for file in files]
    assert caption_files(relative, tmp_path / "output", {}, Settings()) == {}


def test_parts_are_written_on_the_way(
    ray: Ray, files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "PART_SECONDS", 0)
    caption_files(files, tmp_path, {}, Settings())
    assert len(list(tmp_path.glob("part-*.parquet"))) == 2
