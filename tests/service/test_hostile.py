"""Every file of the hostile corpus gets the answer it must get, and leaves the service well."""

import httpx
import pytest

from tests.service.conftest import grey_png, problem, upload
from tests.service.hostile import OK, Row, corpus

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("row", list(corpus()), ids=lambda row: row.name)
async def test_a_file_gets_the_answer_it_must(client: httpx.AsyncClient, row: Row) -> None:
    answer = await client.post("/caption", files=upload(row.data))
    if answer.status_code == 200:
        # A decoder may make do with what is there of a photo that was cut near its end.
        assert OK in row.codes or " cut at " in row.name
    else:
        assert 400 <= answer.status_code < 500
        code = answer.json()["code"]
        assert code in row.codes
        problem(answer, row.status or answer.status_code, code)
    after = await client.post("/caption", files=upload(grey_png(77)))
    assert after.json()["caption"].startswith("shade-77 ")


def test_a_photo_that_is_cut_in_half_is_not_captioned() -> None:
    halves = [row for row in corpus() if row.name.endswith("cut at 10/20")]
    assert len(halves) == 8
