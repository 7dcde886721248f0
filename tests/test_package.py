"""The wheel: whole, and of use from any folder."""

import os
import shutil
import subprocess
import sys
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.photos import FOLDER

pytestmark = pytest.mark.artifact

PACKAGES = ("service", "training", "model_artifacts")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel holds, as pip unpacks it into site-packages."""
    source, wheels, site = (tmp_path_factory.mktemp(name) for name in ("source", "wheels", "site"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    for name in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / name, source / name, copy_function=link, ignore=ignored)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", wheels, source], check=True)
    [wheel] = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


def link(source: str, target: str) -> None:
    """The weights are large; a copy is made only where there can be no link."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def tracked(package: str) -> set[str]:
    command = ["git", "-C", str(REPOSITORY), "ls-files", package]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


@pytest.mark.parametrize("package", PACKAGES)
def test_the_wheel_holds_every_file(installed: Path, package: str) -> None:
    if not (REPOSITORY / ".git").exists():
        pytest.skip("not a clone")
    assert {name for name in tracked(package) if not (installed / name).is_file()} == set()


def test_the_wheel_has_a_command(installed: Path) -> None:
    scripts = ConfigParser()
    [file] = installed.glob("*.dist-info/entry_points.txt")
    scripts.read(file)
    assert scripts["console_scripts"]["photo-captions"] == "service.cli:main"


def test_it_captions_a_photo_from_another_folder(installed: Path, tmp_path: Path) -> None:
    shutil.copy(FOLDER / "coffee.png", tmp_path)
    script = "import sys; from service.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", script, "caption", "coffee.png"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        check=True,
        capture_output=True,
        text=True,
    )
    file, caption, confidence, _ = done.stdout.rstrip("\n").split("\t")
    assert file == "coffee.png"
    assert len(caption.split()) >= 3
    assert 0 <= float(confidence) <= 1
