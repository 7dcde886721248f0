"""The documents say what the code does."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.ray.scale import Scale
from service.cli import STATUSES
from service.http.problems import PROBLEMS
from service.settings import Settings
from tests.conftest import REPOSITORY

DOCUMENTS = (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md")))
TRACKED = subprocess.run(
    ["git", "ls-files"],  # noqa: S607
    cwd=REPOSITORY,
    capture_output=True,
    text=True,
    check=True,
).stdout.splitlines()

LOCKS = sorted(path.name for path in REPOSITORY.glob("requirements*.lock"))


def test_every_table_is_current() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "docs.render", "--check"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_setting_is_documented() -> None:
    operations = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")
    for name in Settings.model_fields:
        assert f"`CAPTION_{name.upper()}`" in operations


def test_every_setting_that_is_named_exists() -> None:
    for document in DOCUMENTS:
        for name in re.findall(r"CAPTION_([A-Z_]+)", document.read_text(encoding="utf-8")):
            known = {*Settings.model_fields, *(f"ray_{field}" for field in Scale.model_fields)}
            assert name.lower() in known, (document.name, name)


def test_every_exit_status_is_documented_as_the_help_tells_it() -> None:
    operations = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")
    section = operations.split("| exit status |")[1].split("\n\n")[0]
    documented = re.findall(r"^\| (\d+) \|", section, re.MULTILINE)
    assert documented == re.findall(r"^ +(\d+) ", STATUSES, re.MULTILINE)


def test_every_error_code_is_documented() -> None:
    api = (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8")
    for code in PROBLEMS:
        assert f"`{code}`" in api


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_within_the_repository_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target


def test_every_state_of_the_page_has_its_screenshots() -> None:
    folder = REPOSITORY / "docs" / "screenshots"
    states = ("first-sight", "one", "uncertain", "several", "settings", "error")
    looks = [f"{screen}-{scheme}" for screen in ("wide", "phone") for scheme in ("light", "dark")]
    wanted = {f"{state}-{look}.jpg" for state in states for look in looks}
    assert {path.name for path in folder.iterdir()} == wanted
    assert sum(path.stat().st_size for path in folder.iterdir()) < 1_000_000


def test_make_targets_that_are_named_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    for document in DOCUMENTS:
        for target in re.findall(r"`?make ([a-z-]+)`", document.read_text(encoding="utf-8")):
            assert f"\n{target}:" in makefile, (document.name, target)


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_name_versions_and_hashes_and_no_place(lock: str) -> None:
    text = (REPOSITORY / lock).read_text(encoding="utf-8")
    assert "://" not in text
    for requirement in re.split(r"\n(?=\w)", text.strip()):
        assert re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+ .*\\\n", requirement), requirement[:60]
        assert "--hash=sha256:" in requirement


def test_no_flickr8k_photo_is_in_the_repository() -> None:
    flickr = re.compile(r"\d{6,}_[0-9a-f]{10}")  # how the data set names its photos
    assert not [path for path in TRACKED if flickr.search(path)]
    pictures = [path for path in TRACKED if path.endswith((".jpg", ".jpeg", ".png", ".webp"))]
    places = ("docs/", "service/static/samples/")
    assert not [path for path in pictures if not path.startswith(places)]


def test_no_file_names_a_place_on_the_authors_machines() -> None:
    for path in TRACKED:
        if path.startswith(("model_artifacts/", "docs/screenshots/")) or path.endswith(".jpg"):
            continue
        text = (REPOSITORY / path).read_text(encoding="utf-8")
        assert not re.search(r"/(work|home|root|tmp)/\w", text), path
