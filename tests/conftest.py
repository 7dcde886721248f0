"""What all tests share, and how they are spread over processes."""

from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("any machine", deadline=None)  # 0.2 s an example by default
settings.load_profile("any machine")

REPOSITORY = Path(__file__).resolve().parent.parent
# The longest first, so that no process is left with one of them at the end.
ORDER = ("tests/training/", "tests/artifact/", "tests/page/", "tests/end_to_end/")


@pytest.hookimpl(wrapper=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Keep together what shares expensive fixtures, and spread the rest by file."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(_group(item)))
    items.sort(key=_place)
    return (yield)


def _group(item: pytest.Item) -> str:
    if item.get_closest_marker("tensorflow") or item.get_closest_marker("artifact"):
        return "tensorflow"  # takes 2 GB and more, which one process at a time may have
    if item.get_closest_marker("browser"):
        return "browser"
    return item.nodeid.partition("::")[0]


def _place(item: pytest.Item) -> int:
    places = [place for place, folder in enumerate(ORDER) if item.nodeid.startswith(folder)]
    return places[0] if places else len(ORDER)


@pytest.fixture(scope="session")
def artifact() -> Path:
    """The model that ships."""
    return REPOSITORY / "model_artifacts"
