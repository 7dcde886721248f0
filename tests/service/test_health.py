"""What the health check costs; tests/service/test_cli.py has what it says."""

import subprocess
import sys

import pytest

from service.cli import main
from tests.conftest import REPOSITORY

IMPORTED = """
import sys
from service.cli import main

try:
    main(sys.argv[1:])
except SystemExit:
    pass
print(*sys.modules, sep="\\n")
"""
SLOW = {
    "fastapi",
    "starlette",
    "pydantic",
    "PIL",
    "numpy",
    "prometheus_client",
    "tensorflow",
}


@pytest.mark.parametrize("command", [["health", "--port", "1"], ["--help"], ["--version"]])
def test_a_quick_command_imports_no_framework(command: list[str]) -> None:
    run = [sys.executable, "-c", IMPORTED, *command]
    done = subprocess.run(run, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert not SLOW & set(done.stdout.splitlines())


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1"])
def test_a_port_that_makes_no_sense_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], port: str
) -> None:
    monkeypatch.setenv("CAPTION_PORT", port)
    assert main(["health"]) == 2
    assert f"CAPTION_PORT={port}" in capsys.readouterr().err
