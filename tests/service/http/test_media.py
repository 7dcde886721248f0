import httpx
import pytest

from service.http.media import prefers_text
from tests.service.conftest import grey_png, problem, upload

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("accept", "text"),
    [
        ("text/plain", True),
        ("TEXT/PLAIN; q=0.5", True),
        ("text/plain, application/json; q=0.5", True),
        ("text/*", True),
        ("", False),
        ("*/*", False),
        ("application/json, text/plain, */*", False),  # what axios sends
        ("text/plain; q=nonsense", False),
        ("text/html", False),
    ],
)
def test_text_is_for_those_who_rank_it_above_json(accept: str, text: bool) -> None:
    assert prefers_text(accept) == text


async def test_the_answer_can_be_the_caption_alone(client: httpx.AsyncClient) -> None:
    headers = {"accept": "text/plain"}
    answer = await client.post("/caption", files=upload(grey_png(9)), headers=headers)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.startswith("shade-9 ")
    refused = await client.post("/caption", content=b"no photo", headers=headers)
    problem(refused, 415, "not_an_image")
