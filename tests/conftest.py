"""What the tests of the real model share."""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def artifact() -> Path:
    """The model that ships."""
    return REPOSITORY / "model_artifacts"
