"""What all tests share, and how they are spread over processes."""

from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

settings.register_profile("any machine", deadline=None)  # 0.2 s an example by default
settings.load_profile("any machine")

REPOSITORY = Path(__file__).resolve().parent.parent
# The longest first, so that no process is left with one of them at the end.
ORDER = ("tests/training/", "tests/artifact/", "tests/page/", "tests/end_to_end/")
# These share a Ray cluster, which takes half a minute to start.
ON_RAY = {f"tests/end_to_end/test_{name}.py" for name in ("bulk", "http", "ray")}


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Keeps together what shares expensive fixtures: the tests of a file."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "ray" if file in ON_RAY else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    places = [place for place, folder in enumerate(ORDER) if item.nodeid.startswith(folder)]
    return places[0] if places else len(ORDER)


@pytest.fixture(scope="session")
def artifact() -> Path:
    """The model that ships."""
    return REPOSITORY / "model_artifacts"
