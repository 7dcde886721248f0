"""The model's card, as the page shows it."""

from pathlib import Path

import httpx
import pytest

from service.engine.manifest import MODEL_CARD
from service.http.app import create_app
from service.http.model_card import as_html
from service.settings import Settings
from tests.service.conftest import FakeCaptioner, client_of, problem

pytestmark = pytest.mark.anyio


def test_headings_go_below_the_page_s_own() -> None:
    assert as_html("# Model card\n\n## For whom\n") == "<h2>Model card</h2>\n<h3>For whom</h3>\n"


def test_tables_and_lists_are_rendered() -> None:
    html = as_html("- wrong\n- rare\n\n| metric | score |\n|---|---|\n| CIDEr | 61.1 |\n")
    assert "<li>wrong</li>" in html
    assert "<td>CIDEr</td>" in html


@pytest.mark.parametrize(
    "card", ["<script>alert(1)</script>", "a <img src=x onerror=alert(1)>", "[x](javascript:go())"]
)
def test_a_card_cannot_bring_a_script_into_the_page(card: str) -> None:
    html = as_html(card)
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html


async def test_the_card_of_the_model_is_served(captioner: FakeCaptioner, tmp_path: Path) -> None:
    (tmp_path / MODEL_CARD).write_text("# Mine\n")
    async with client_of(create_app(Settings(model_dir=tmp_path), captioner)) as client:
        answer = await client.get("/model/card")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.text == "<h2>Mine</h2>\n"


async def test_a_model_without_a_card_says_so(captioner: FakeCaptioner, tmp_path: Path) -> None:
    async with client_of(create_app(Settings(model_dir=tmp_path), captioner)) as client:
        body = problem(await client.get("/model/card"), 404, "not_found")
    assert str(tmp_path) not in body["detail"]


async def test_the_shipped_model_has_a_card(client: httpx.AsyncClient) -> None:
    answer = await client.get("/model/card")
    assert "What it gets wrong" in answer.text


def test_pictures_are_left_out() -> None:
    assert as_html("![a plot](plots/gender.svg)\n\nText") == "<p></p>\n<p>Text</p>\n"
