import platform
import shutil
import subprocess
from pathlib import Path

import keras
import pytest
import tensorflow as tf

from training import provenance as tracing
from training.provenance import git_revision, provenance

pytestmark = pytest.mark.tensorflow

GIT = shutil.which("git") or "git"
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    done = subprocess.run(
        [GIT, *who, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that the module believes to be in; no repository around it is seen."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.delenv("GIT_DIR", raising=False)
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "provenance.py").write_text("first\n")
    monkeypatch.setattr(tracing, "__file__", str(folder / "provenance.py"))
    return folder


@needs_git
def test_a_clean_checkout_is_named_by_its_commit(checkout: Path) -> None:
    git(checkout, "init")
    git(checkout, "add", ".")
    git(checkout, "commit", "-m", "first")
    git(checkout, "tag", "-a", "v1", "-m", "a tag is not the commit's name")
    assert git_revision() == git(checkout, "rev-parse", "--short=12", "HEAD")


@needs_git
def test_a_changed_checkout_is_marked(checkout: Path) -> None:
    git(checkout, "init")
    git(checkout, "add", ".")
    git(checkout, "commit", "-m", "first")
    (checkout / "provenance.py").write_text("second\n")
    assert git_revision() == git(checkout, "rev-parse", "--short=12", "HEAD") + "-dirty"


@needs_git
def test_outside_git_the_revision_is_unknown(checkout: Path) -> None:
    assert git_revision() == "unknown"


def test_without_git_the_revision_is_unknown(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(checkout))
    assert git_revision() == "unknown"


def test_the_versions_of_what_computed_are_told(checkout: Path) -> None:
    assert provenance() == {
        "git_revision": git_revision(),
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }
