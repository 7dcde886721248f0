"""API keys, and pages of other origins."""

from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from starlette.datastructures import Headers

from service.http.access import Access
from service.http.app import create_app
from service.http.problems import Problem
from service.settings import Settings, read_keys
from tests.service.conftest import FakeCaptioner, client_of, grey_png, problem, upload

pytestmark = pytest.mark.anyio

ACCESS = Access(frozenset({"first-key", "second#key"}))


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer first-key"},
        {"authorization": "bearer  first-key "},
        {"x-api-key": "first-key"},
        {"x-api-key": "second#key"},
        {"authorization": "Basic dTpw", "x-api-key": "first-key"},
        {"authorization": "Bearer of-a-proxy", "x-api-key": "first-key"},
        {"authorization": "Bearer ", "x-api-key": "first-key"},
    ],
)
def test_whoever_brings_a_key_comes_in(headers: dict[str, str]) -> None:
    ACCESS.check(Headers(headers))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": "first-key"},
        {"authorization": "Bearer first-key2"},
        {"x-api-key": ""},
        {"x-api-key": "first"},
        {"x-api-key": "first-key,second#key"},
        {"x-api-key": "schlüssel"},
    ],
)
def test_whoever_brings_none_does_not(headers: dict[str, str]) -> None:
    with pytest.raises(Problem) as refused:
        ACCESS.check(Headers(headers))
    assert (refused.value.status_code, refused.value.code) == (401, "unauthorized")
    assert refused.value.headers == {"WWW-Authenticate": "Bearer"}


def test_without_keys_everybody_comes_in() -> None:
    Access(frozenset()).check(Headers({}))
    Access(frozenset()).check(Headers({"x-api-key": "any"}))


def test_keys_are_read_from_a_list_and_a_file(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("\ufeff# of the app\n one \n\ntwo # until May\nthr#ee#\n  # four\n")
    assert read_keys("", None) == frozenset()
    assert read_keys(" a, ,b#", file) == {"a", "b#", "one", "two", "thr#ee#"}
    file.write_text("\ufefffirst\r\n")
    assert read_keys("", file) == {"first"}


@pytest.mark.parametrize(
    ("listed", "content", "message"),
    [
        ("a,schl\u00fcssel", None, "ASCII letters"),
        ("", "schl\u00fcssel\n", "ASCII letters"),
        ("", "s3cret,7\n", "holds a comma"),
    ],
)
def test_keys_that_would_not_be_recognised_are_refused_at_the_start(
    tmp_path: Path, listed: str, content: str | None, message: str
) -> None:
    file = tmp_path / "keys" if content else None
    if file and content:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        Settings(api_keys=SecretStr(listed), api_keys_file=file)


@pytest.mark.parametrize(("content", "message"), [("# none", "no API key"), (None, "cannot be")])
def test_a_file_without_keys_lets_nobody_in_by_mistake(
    tmp_path: Path, content: str | None, message: str
) -> None:
    file = tmp_path / "keys"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ValueError, match=message):
        Settings(api_keys_file=file)


async def test_only_captions_need_a_key_and_no_answer_or_setting_shows_it(
    captioner: FakeCaptioner,
) -> None:
    settings = Settings(api_keys="secret-key")
    app = create_app(settings, captioner)
    async with client_of(app) as client:
        refused = await client.post("/caption", files=upload(grey_png()))
        problem(refused, 401, "unauthorized")
        assert refused.headers["www-authenticate"] == "Bearer"
        headers = {"authorization": "Bearer secret-key"}
        answer = await client.post("/caption", files=upload(grey_png()), headers=headers)
        assert answer.status_code == 200
        for path in ("/health", "/health/live", "/health/ready", "/model", "/metrics", "/"):
            assert (await client.get(path)).status_code == 200
    assert captioner.options == [captioner.manifest.search]
    assert "secret-key" not in repr(settings) + str(settings) + settings.model_dump_json()


async def test_other_origins_are_not_let_in_unless_they_are_named(
    captioner: FakeCaptioner,
) -> None:
    async def allowed(client: httpx.AsyncClient, origin: str) -> str | None:
        answer = await client.options(
            "/caption", headers={"origin": origin, "access-control-request-method": "POST"}
        )
        header: str | None = answer.headers.get("access-control-allow-origin")
        return header

    async with client_of(create_app(Settings(), captioner)) as client:
        assert await allowed(client, "https://a.example") is None
    settings = Settings(cors_origins="https://a.example, https://b.example")
    async with client_of(create_app(settings, captioner)) as client:
        assert await allowed(client, "https://b.example") == "https://b.example"
        assert await allowed(client, "https://c.example") is None
        answer = await client.get("/health", headers={"origin": "https://a.example"})
        assert "X-Request-ID" in answer.headers["access-control-expose-headers"]
