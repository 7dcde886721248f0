"""The order of the pipeline's rooms: each imports only from itself and those before it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

ROOMS = ("data", "models", "search", "optimize", "measure", "release")
BESIDE = {"config", "provenance", "telemetry"}  # modules that every room may import
TRAINING = REPOSITORY / "training"
LONGEST = 250


def imported(path: Path) -> Iterator[str]:
    """The dotted names that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_knows_only_the_rooms_before_it(room: str) -> None:
    known = BESIDE | set(ROOMS[: ROOMS.index(room) + 1])
    for path in (TRAINING / room).rglob("*.py"):
        for name in imported(path):
            first, *rest = name.split(".")
            assert first != "service", path.name
            if first == "training":
                assert rest[0] in known, f"{path.relative_to(TRAINING)} imports {name}"


def test_every_module_is_in_a_room_or_beside_them() -> None:
    outside = {path.stem for path in TRAINING.glob("*.py")}
    assert outside == BESIDE | {"__init__", "__main__", "cli"}
    folders = {path.parent.name for path in TRAINING.glob("*/__init__.py")}
    assert folders == {*ROOMS, "commands"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_it_is_for(room: str) -> None:
    text = (TRAINING / room / "__init__.py").read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text))


def test_no_module_is_long() -> None:
    for path in TRAINING.rglob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST, path
