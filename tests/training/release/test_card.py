"""The model card says what was measured."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.training.measure.audit.fake import FakeArtifact, small_audits, tiny_dataset
from training.measure.audit import report
from training.release.card import (
    CARD,
    SHIPPED_NAME,
    SHIPPED_TEMPLATE,
    TEMPLATE,
    model_card,
    template_for,
    write_card,
)
from training.release.card_facts import NOT_STATED, About, load_about
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


@pytest.mark.parametrize("template", [TEMPLATE, SHIPPED_TEMPLATE], ids=lambda path: path.stem)
def test_every_finding_is_in_the_card(audit: dict[str, Any], template: Path) -> None:
    card = model_card(template.read_text(encoding="utf-8"), MANIFEST, 500, audit)
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


def card_of(about: About | None = None, **training: Any) -> str:
    """The card for data of one's own, of a run that recorded this."""
    manifest: dict[str, Any] = deepcopy(MANIFEST)
    manifest["provenance"]["training"] |= training
    return model_card(TEMPLATE.read_text(encoding="utf-8"), manifest, 500, None, about)


def test_a_card_tells_the_run_s_own_data() -> None:
    data = {
        "sources": ["garden", "street"],
        "photos": {"train": 1200, "dev": 40, "test": 41},
        "captions": {"train": 2400, "dev": 80, "test": 82},
        "uncaptioned": 7,
        "texts": 0,
    }
    start = {"artifact": "everyday", "version": "3.0.0", "weights": "ab"}
    card = card_of(data=data, start=start, train={"encoder": "convnext-tiny"})
    assert "`garden`, `street`" in card
    assert "| train | 1,200 | 2,400 |" in card
    assert "| without captions | 7 | |" in card
    assert "captions without photos" not in card
    assert "ConvNeXt-Tiny reads a photo" in card
    assert "the artifact everyday 3.0.0. What its card says of its data" in card


def test_a_card_for_other_data_claims_nothing_of_the_shipped_model_s() -> None:
    card = card_of(About(licence="CC0"))
    for claim in ("Flickr", "COCO", "English", "photographers", "thousands of photos"):
        assert claim not in card
    assert f"Data: {NOT_STATED}." in card
    assert f"| consent of the people shown | {NOT_STATED} |" in card
    assert f"Intended use: {NOT_STATED}" in card
    assert "| licence | CC0 |" in card
    assert f"References a photo: {NOT_STATED}." in card


def test_a_model_that_is_not_scored_has_a_card_that_says_so() -> None:
    manifest = MANIFEST | {"metrics": {}}
    card = model_card(TEMPLATE.read_text(encoding="utf-8"), manifest, 500, None)
    assert "Not measured; `python -m training score` does." in card
    other = {"openvino": {"file": "captioner.xml", "garden": MANIFEST["metrics"]}}
    card = model_card(
        TEMPLATE.read_text(encoding="utf-8"), manifest | {"engines": other}, 500, None
    )
    assert "| CIDEr | 12.3 | 11.0 to 13.0 |" in card
    garden = MANIFEST | {"metrics": {"garden": MANIFEST["metrics"]}}
    card = model_card(TEMPLATE.read_text(encoding="utf-8"), garden, 500, None)
    assert "| CIDEr | 12.3 | 11.0 to 13.0 |" in card


def test_only_the_shipped_model_s_card_is_of_its_own_template() -> None:
    assert template_for({"name": SHIPPED_NAME}) == SHIPPED_TEMPLATE
    assert template_for({"name": "mine"}) == TEMPLATE
    assert shipped_manifest()["name"] == SHIPPED_NAME


def test_what_the_maker_states_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "about.toml"
    path.write_text('licence = "CC0"\n')
    assert load_about(path) == About(licence="CC0")
    path.write_text('license = "CC0"\n')
    with pytest.raises(ValueError, match=r"about\.toml: license: Extra inputs"):
        load_about(path)


def shipped_manifest() -> Any:
    return json.loads((SHIPPED / "manifest.json").read_text())


@pytest.mark.skipif(
    shipped_manifest()["version"] == "2.0.0", reason="its card is older than the audit"
)
def test_the_card_that_ships_is_what_its_numbers_give() -> None:
    words = (SHIPPED / "vocabulary.txt").read_text(encoding="utf-8").splitlines()
    template = SHIPPED_TEMPLATE.read_text(encoding="utf-8")
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
