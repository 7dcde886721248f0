"""Where a result came from: the revision of the code, and the libraries' versions."""

import hashlib
import platform
import subprocess
from pathlib import Path

import keras
import tensorflow as tf


def provenance() -> dict[str, str]:
    return {
        "git_revision": git_revision(),
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }


def git_revision() -> str:
    """The checkout's commit, with "-dirty" behind it if files differ; "unknown" outside git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    here = Path(__file__).parent
    try:
        found = subprocess.run(command, cwd=here, capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
