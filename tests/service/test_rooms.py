"""The walls inside the service."""

import subprocess
import sys
from pathlib import Path

import service
from tests.conftest import REPOSITORY

PACKAGE = Path(service.__file__).parent
# Imports every module of the engine where nothing of HTTP can be imported. The libraries that run
# models take seconds to import, and know nothing of HTTP: empty modules stand in for them.
WALL = """
import importlib, pkgutil, sys
from types import ModuleType

for name in ("fastapi", "starlette", "uvicorn", "prometheus_client", "service.http"):
    sys.modules[name] = None
for name in ("tensorflow", "openvino"):
    sys.modules[name] = ModuleType(name)

import service.engine

for module in pkgutil.walk_packages(service.engine.__path__, "service.engine."):
    importlib.import_module(module.name)
    print(module.name)
"""


def test_the_engine_imports_nothing_of_http() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WALL], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert "service.engine.batching" in ran.stdout


def test_every_module_has_a_test_of_its_name() -> None:
    tests = Path(__file__).parent
    # TensorFlow's engine is tested with the real artifact, in tests/artifact.
    # Formats and pixels are two halves of reading an image; errors have no behaviour.
    untested = {"engine/saved_model.py"}
    untested |= {"engine/formats.py", "engine/pixels.py", "engine/errors.py"}
    for path in PACKAGE.rglob("[!_]*.py"):
        module = path.relative_to(PACKAGE)
        if module.as_posix() not in untested:
            assert (tests / module.with_name(f"test_{module.name}")).is_file(), module


def test_no_module_is_longer_than_250_lines_and_half_are_shorter_than_100() -> None:
    lines = {path: len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")}
    assert max(lines.values()) <= 250
    assert sorted(lines.values())[len(lines) // 2] < 100
