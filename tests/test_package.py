"""The wheel, installed into an empty environment: whole, and of use from any folder."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from service import __version__
from tests.conftest import REPOSITORY
from tests.photos import FOLDER

pytestmark = pytest.mark.artifact

PACKAGES = ("service", "training", "model_artifacts")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment into which pip installed the wheel alone.

    Downloading the dependencies would take minutes: they are found where these tests find them.
    """
    source, wheels, empty = (tmp_path_factory.mktemp(name) for name in ("source", "wheels", "env"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    for name in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / name, source / name, copy_function=link, ignore=ignored)
    make = ["wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    pip(*make, "--wheel-dir", str(wheels), str(source))
    [wheel] = wheels.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", empty], check=True)
    install = ["install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    pip("--python", str(empty / "bin" / "python"), *install)
    (packages_of(empty) / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return empty


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True)


def packages_of(environment: Path) -> Path:
    [folder] = environment.glob("lib/python*/site-packages")
    return folder


def link(source: str, target: str) -> None:
    """The weights are large; a copy is made only where there can be no link."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def tracked(package: str) -> set[str]:
    command = ["git", "-C", str(REPOSITORY), "ls-files", package]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def run(environment: Path, *arguments: str, folder: Path) -> str:
    """What the installed command prints in a folder that is not the repository."""
    command = [str(environment / "bin" / "photo-captions"), *arguments]
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=folder, env=variables, check=True, capture_output=True, text=True
    )
    return done.stdout


@pytest.mark.parametrize("package", PACKAGES)
def test_the_wheel_holds_every_file(environment: Path, package: str) -> None:
    if not (REPOSITORY / ".git").exists():
        pytest.skip("not a clone")
    installed = packages_of(environment)
    assert {name for name in tracked(package) if not (installed / name).is_file()} == set()


def test_the_wheel_has_a_command(environment: Path, tmp_path: Path) -> None:
    assert run(environment, "--version", folder=tmp_path) == f"photo-captions {__version__}\n"


def test_it_captions_a_photo_from_another_folder(environment: Path, tmp_path: Path) -> None:
    shutil.copy(FOLDER / "coffee.png", tmp_path)
    line = run(environment, "caption", "coffee.png", folder=tmp_path)
    file, caption, confidence, _ = line.rstrip("\n").split("\t")
    assert file == "coffee.png"
    assert len(caption.split()) >= 3
    assert 0 <= float(confidence) <= 1
