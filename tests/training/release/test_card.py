"""The model card says what was measured."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.training.measure.audit.fake import FakeArtifact, small_audits, tiny_dataset
from training.measure.audit import report
from training.release.card import CARD, TEMPLATE, model_card, write_card
from training.release.findings import NOT_RUN, findings

SHIPPED = REPOSITORY / "model_artifacts"
VARIETY = {"distinct_share": 0.9, "copied_from_training_share": 0.05, "vocabulary_used": 300}
MANIFEST = {
    "name": "small",
    "version": "3",
    "architecture": "lstm",
    "metrics": {
        "images": 4,
        "scores": {"CIDEr": {"score": 12.3, "interval": [11, 13]}},
        "variety": VARIETY,
    },
    "search": {"beam_size": 3, "max_length": 20, "length_penalty": 0.7},
    "files": {},
    "provenance": {"training": {"encoder_weights": "imagenet", "train": {"objective": "cider"}}},
}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("artifact")
    (folder / "manifest.json").write_text(json.dumps(FakeArtifact(folder).manifest))
    photos = tiny_dataset(folder)
    with small_audits():
        return report.run(report.Audit(photos, folder, folder / "work", coco=photos, photos=1))


@pytest.fixture
def audit(measured: dict[str, Any]) -> dict[str, Any]:
    return deepcopy(measured)


def test_every_finding_is_in_the_card(audit: dict[str, Any]) -> None:
    card = model_card(TEMPLATE.read_text(encoding="utf-8"), MANIFEST, 500, audit)
    assert "| CIDEr | 12.3 | 11.0 to 13.0 |" in card
    assert "| women | all | 1 | 100.0% (20.6 to 100.0) |" in card
    assert "| names an object that is there |" in card
    assert "| as they are | 100.0%" in card
    assert NOT_RUN not in card
    assert "$" not in card


def test_what_was_not_measured_says_so() -> None:
    card = model_card(TEMPLATE.read_text(encoding="utf-8"), MANIFEST, 500, None)
    assert card.count(NOT_RUN) == len(findings(None))


def test_a_number_that_changes_changes_the_card(audit: dict[str, Any]) -> None:
    before = findings(audit)
    audit["people"]["gender"]["female"]["all"]["wrong"]["share"] = 0.123
    after = findings(audit)
    assert "12.3%" in after["gender"]
    assert {name for name in before if before[name] != after[name]} == {"gender"}


def test_the_card_is_written_beside_the_model(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST))
    (tmp_path / "vocabulary.txt").write_text("a\nb\n")
    (tmp_path / "own.md").write_text("# $name knows $vocabulary words")
    path = write_card(tmp_path, None, tmp_path / "own.md")
    assert path.name == CARD
    assert path.read_text() == "# small knows 2 words"


def shipped_manifest() -> Any:
    return json.loads((SHIPPED / "manifest.json").read_text())


@pytest.mark.skipif(
    shipped_manifest()["version"] == "2.0.0", reason="its card is older than the audit"
)
def test_the_card_that_ships_is_what_its_numbers_give() -> None:
    words = (SHIPPED / "vocabulary.txt").read_text(encoding="utf-8").splitlines()
    template = TEMPLATE.read_text(encoding="utf-8")
    expected = model_card(template, shipped_manifest(), len(words), report.read_audit(SHIPPED))
    assert (SHIPPED / CARD).read_text(encoding="utf-8") == expected, (
        "model_artifacts/MODEL_CARD.md is out of date; run `python -m training audit`"
    )


@pytest.mark.skipif(
    "words" not in (report.read_audit(SHIPPED) or {}), reason="what ships is not audited yet"
)
def test_no_caption_of_dev_and_test_holds_a_blocked_word() -> None:
    audit = report.read_audit(SHIPPED) or {}
    found = audit["words"]["blocked"]["captions"]
    assert found["of"] >= 2 * audit["photos"]  # dev and test, and COCO's photos if there were any
    assert found["hits"] == 0
