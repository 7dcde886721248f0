"""Every file of the hostile corpus gets the answer it must get, and leaves the service well."""

import httpx
import pytest
from fastapi import FastAPI

from service.http.app import create_app
from service.settings import Settings
from tests.service.conftest import FakeCaptioner, grey_png, tiny_manifest, upload
from tests.service.hostile import Row, corpus
from tests.service.reading import CLEAR, Reading, measured

# Pillow warns of damage and decodes what is there, as it does in the service.
pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore::UserWarning:PIL")]

ROWS = corpus()
NAMES = [row.name for row in ROWS]
KEPT_MEGABYTES = 8


@pytest.fixture(scope="module")
def app() -> FastAPI:
    """One for all of them, so that what one leaves meets the next; slow machines get the time."""
    return create_app(Settings(deadline_seconds=600), FakeCaptioner(tiny_manifest()))


@pytest.mark.parametrize("row", ROWS, ids=NAMES)
async def test_a_file_gets_the_answer_it_must(client: httpx.AsyncClient, row: Row) -> None:
    answer = await client.post("/caption", files=upload(row.data))
    row.check(answer)
    after = await client.post("/caption", files=upload(grey_png(77)))
    assert after.json()["caption"].startswith("shade-77 ")


@pytest.fixture(scope="module")
def readings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reading]:
    """By the number of the row."""
    folder = tmp_path_factory.mktemp("corpus")
    for number, row in enumerate(ROWS):
        (folder / str(number)).write_bytes(row.data)
    return measured(folder)


@pytest.mark.skipif(not CLEAR.exists(), reason="Linux tells a process its peak of memory")
@pytest.mark.parametrize("number", range(len(ROWS)), ids=NAMES)
def test_reading_a_file_takes_no_more_time_and_memory_than_its_bounds(
    readings: dict[str, Reading], number: int
) -> None:
    found = readings[str(number)]
    assert found.peak / 1e6 < ROWS[number].megabytes
    assert found.kept / 1e6 < KEPT_MEGABYTES
    assert found.seconds < ROWS[number].seconds


def test_a_photo_that_is_cut_in_half_is_not_captioned() -> None:
    halves = [row for row in ROWS if row.name.endswith("cut at 10/20")]
    assert len(halves) == 9
