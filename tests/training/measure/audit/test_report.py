import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.training.measure.audit.fake import FakeArtifact, small_audits, tiny_dataset
from training.data.dataset import Dataset
from training.measure.audit.plots import draw
from training.measure.audit.report import SECTIONS, Audit, read_audit, run


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return tiny_dataset(tmp_path_factory.mktemp("photos"))


def audit_of(dataset: Dataset, folder: Path) -> Audit:
    (folder / "manifest.json").write_text(json.dumps(FakeArtifact(folder).manifest))
    return Audit(dataset, folder, folder / "work", coco=dataset, photos=1)


@pytest.fixture(scope="module", autouse=True)
def _small() -> Iterator[None]:
    with small_audits():
        yield


@pytest.fixture
def audit(dataset: Dataset, tmp_path: Path) -> Audit:
    return audit_of(dataset, tmp_path)


@pytest.fixture(scope="module")
def whole(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """An audit whose sections have all been run."""
    audit = audit_of(dataset, tmp_path_factory.mktemp("artifact"))
    run(audit)
    return audit


@pytest.fixture(scope="module")
def result(whole: Audit) -> Any:
    return read_audit(whole.folder)


def test_every_section_is_measured_and_written_beside_the_model(result: dict[str, Any]) -> None:
    assert set(SECTIONS) <= set(result)
    assert all(result[section] is not None for section in SECTIONS)
    assert result["photos"] == 4


def test_the_model_s_mistakes_are_found(result: dict[str, Any]) -> None:
    assert result["people"]["gender"]["female"]["all"]["wrong"]["share"] == 1.0
    assert result["people"]["gender"]["male"]["all"]["right"]["hits"] == 1
    assert result["words"]["blocked"]["captions"]["hits"] == 0
    assert result["neutral"]["gendered"]["hits"] == 0
    assert result["objects"]["labels"]["recall"]["hits"] > 0
    assert result["robustness"]["as they are"]["same"]["share"] == 1.0


def test_three_plots_are_drawn_the_same_from_the_same_numbers(
    result: dict[str, Any], tmp_path: Path
) -> None:
    drawn = draw(result, tmp_path)
    assert [path.name for path in drawn] == ["gender.svg", "subgroups.svg", "robustness.svg"]
    before = [path.read_bytes() for path in drawn]
    assert [path.read_bytes() for path in draw(result, tmp_path)] == before


def test_a_section_can_be_measured_alone_and_the_others_stay(audit: Audit) -> None:
    first = run(audit, ["words"])
    assert "objects" not in first
    second = run(audit, ["objects"])
    assert second["words"] == first["words"]


def test_an_audit_of_another_model_does_not_count(audit: Audit) -> None:
    run(audit, ["words"])
    manifest = json.loads((audit.folder / "manifest.json").read_text())
    manifest["files"]["vocabulary.txt"] = "1"
    (audit.folder / "manifest.json").write_text(json.dumps(manifest))
    assert read_audit(audit.folder) is None


def test_captions_are_kept_and_not_asked_for_again(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = audit.told("test")
    unreachable: Callable[..., Any] = lambda *_: pytest.fail("asked the model again")  # noqa: E731
    monkeypatch.setattr(FakeArtifact, "caption", unreachable)
    assert audit.told("test") == before


def test_another_photo_of_the_same_name_is_asked_for(audit: Audit, dataset: Dataset) -> None:
    before = audit.told("test")
    swapped = dict(dataset.files) | {"woman": dataset.files["dog"], "dog": dataset.files["woman"]}
    after = Audit(replace(dataset, files=swapped), audit.folder, audit.work).told("test")
    assert after["woman"] == before["dog"] != before["woman"] == after["dog"]


def test_objects_need_photos_with_labels(audit: Audit, dataset: Dataset) -> None:
    alone = Audit(dataset, audit.folder, audit.work)
    assert alone.objects() is None
    with pytest.raises(ValueError, match="COCO"):
        alone.told("test", coco=True)
