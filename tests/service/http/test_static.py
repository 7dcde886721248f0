"""The page and the documentation: served whole, asking no other host."""

import re
from pathlib import Path

import httpx
import pytest

from service.http.routes import STATIC

pytestmark = pytest.mark.anyio

FILES = sorted(path for path in STATIC.iterdir() if path.is_file())
SAMPLES = sorted((STATIC / "samples").glob("*.jpg"))
SCRIPTS = [path for path in FILES if path.suffix == ".js"]
ADDRESS = re.compile(r"(?:https?:|wss?:)?//[\w.-]+\.\w+", re.IGNORECASE)
NAMESPACE = re.compile(r'xmlns(?::\w+)?="[^"]*"')


def addresses(text: str) -> list[str]:
    return ADDRESS.findall(NAMESPACE.sub("", text))


def test_addresses_are_found_but_names_of_languages_are_not() -> None:
    assert addresses('<script src="https://cdn.example.org/a.js">') == ["https://cdn.example.org"]
    assert addresses("@import '//fonts.example.org/a.css'") == ["//fonts.example.org"]
    assert addresses('<svg xmlns="http://www.w3.org/2000/svg"> // a comment') == []


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_no_file_of_the_page_names_another_host(path: Path) -> None:
    assert addresses(path.read_text(encoding="utf-8")) == []


async def test_the_page_is_served(client: httpx.AsyncClient) -> None:
    response = await client.get("/")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert response.text == (STATIC / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("app.js", "text/javascript"), ("style.css", "text/css"), ("icon.svg", "image/svg+xml")],
)
async def test_the_page_s_files_are_served(
    client: httpx.AsyncClient, name: str, media_type: str
) -> None:
    response = await client.get(f"/static/{name}")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith(media_type)
    assert response.content == (STATIC / name).read_bytes()


@pytest.mark.parametrize("path", ["/", "/docs", "/redoc"])
async def test_all_that_a_page_asks_for_is_there(client: httpx.AsyncClient, path: str) -> None:
    page = (await client.get(path)).text
    asked = re.findall(r'(?:src|href)="(/[^"]+)"', page)
    assert asked
    for address in asked:
        assert (await client.get(address)).status_code == 200, address


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs/oauth2-redirect"])
async def test_the_documentation_names_no_other_host(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.status_code == 200
    assert addresses(response.text) == []


def test_the_page_runs_no_script_that_its_policy_forbids() -> None:
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=", page)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))


def test_every_element_the_scripts_look_for_is_on_the_page() -> None:
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    scripts = "".join(path.read_text(encoding="utf-8") for path in SCRIPTS)
    lists = re.findall(r"=\s*\[([^]]*)\]\.map\(find\)", scripts)
    ids = [
        *re.findall(r'"([\w-]+)"', "".join(lists)),
        *re.findall(r'getElementById\("([\w-]+)"', scripts),
    ]
    assert len(ids) >= 20
    for name in ids:
        assert page.count(f'id="{name}"') == 1, name
    classes = set(re.findall(r'(?:querySelector|find|act)\("\.([\w-]+)"', scripts))
    assert len(classes) >= 15
    for name in classes:
        assert re.search(rf'class="[^"]*\b{name}\b[^"]*"', page), name


def test_every_module_that_is_imported_is_there() -> None:
    for path in SCRIPTS:
        for name in re.findall(r'from "\./([^"]+)"', path.read_text(encoding="utf-8")):
            assert (STATIC / name).is_file()


def test_the_whole_page_is_small() -> None:
    assert sum(path.stat().st_size for path in FILES) < 60_000


def test_the_sample_photos_are_small_and_their_terms_are_told() -> None:
    terms = (STATIC / "samples" / "LICENCES.md").read_text(encoding="utf-8")
    assert 4 <= len(SAMPLES) <= 6
    for path in SAMPLES:
        assert path.stat().st_size <= 30_000
        assert re.search(rf"`{path.name}` .*(CC0|public domain)", terms), path.name
