import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from training.data.text import SPECIAL_WORDS
from training.measure import artifact as artifacts
from training.measure.artifact import Artifact, Signature, fingerprint

WORDS = (*SPECIAL_WORDS, "a", "dog", "cat")
CALIBRATION = {
    "intercept": 1.0,
    "log_prob_weight": 2.0,
    "focus_weight": -3.0,
    "focus_knee": 0.5,
    "threshold": 0.34,
}
PIXELS = np.zeros((1, 224, 224, 3), np.uint8)


def outputs() -> dict[str, npt.NDArray[Any]]:
    """Two captions of one image: "a dog" and "cat"."""
    return {
        "tokens": np.array([[[4, 5, 2, 0], [6, 2, 0, 0]]], np.int32),
        "token_log_probs": np.array([[[-0.1, -0.2, -0.3, 0], [-1, -2, 0, 0]]], np.float32),
        "scores": np.array([[-0.2, -1]], np.float32),
        "attention": np.full((1, 2, 4, 7, 7), 1 / 49, np.float32),
    }


@pytest.fixture
def asked() -> list[dict[str, Any]]:
    return []


def load(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: list[dict[str, Any]],
    inputs: set[str],
    found: dict[str, npt.NDArray[Any]],
    people: str = "seen",
    **manifest: Any,
) -> Artifact:
    search = {"beam_size": 10, "max_length": 20, "length_penalty": 0.7}
    (folder / "manifest.json").write_text(json.dumps({"search": search, "files": {}} | manifest))
    (folder / "vocabulary.txt").write_text("".join(f"{word}\n" for word in WORDS))

    def signature(given: dict[str, Any]) -> dict[str, npt.NDArray[Any]]:
        asked.append(given)
        return found

    def engine(_: Path) -> tuple[Signature, set[str]]:
        return signature, inputs

    monkeypatch.setitem(artifacts._ENGINES, "tensorflow", engine)
    return Artifact(folder, "tensorflow", people)


def test_beams_become_words_and_an_old_manifest_s_formula_a_confidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[dict[str, Any]]
) -> None:
    model = load(tmp_path, monkeypatch, asked, {"images"}, outputs(), calibration=CALIBRATION)
    (answer,) = model.caption(PIXELS)
    assert answer.caption == "a dog"
    assert answer.beams == [["a", "dog"], ["cat"]]
    assert [len(each) for each in answer.token_log_probs] == [3, 2]
    assert answer.attention is not None
    assert answer.attention.shape == (3, 7, 7)
    # The attention is even, so its focus lies 0.5 below the knee.
    assert answer.confidence == pytest.approx(1 / (1 + np.exp(-(1 - 0.4 - 1.5))), rel=1e-5)
    assert model.threshold == 0.34
    assert not model.has_people
    assert "people" not in asked[0]
    assert asked[0]["beam_size"] == 10


def test_a_newer_artifact_tells_its_confidence_and_takes_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[dict[str, Any]]
) -> None:
    found = outputs() | {"confidence": np.array([[0.7, 0.1]], np.float32)}
    model = load(
        tmp_path,
        monkeypatch,
        asked,
        {"images", "people"},
        found,
        "neutral",
        confidence={"threshold": 0.4},
    )
    assert model.caption(PIXELS)[0].confidence == pytest.approx(0.7)
    assert model.threshold == 0.4
    assert asked[0]["people"] == 1


def test_an_option_the_artifact_lacks_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[dict[str, Any]]
) -> None:
    with pytest.raises(ValueError, match="no option people"):
        load(tmp_path, monkeypatch, asked, {"images"}, outputs(), "neutral")
    # Before 3.3.0 a graph took 2 for "seen", and would have shown that thresholds cost nothing.
    with pytest.raises(ValueError, match="cannot leave its gender thresholds out"):
        load(tmp_path, monkeypatch, asked, {"images", "people"}, outputs(), "unmasked")


def test_thresholds_are_left_out_where_the_manifest_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[dict[str, Any]]
) -> None:
    least = {"male": 0.6, "female": 0.5}
    given = (tmp_path, monkeypatch, asked, {"images", "people"}, outputs(), "unmasked")
    load(*given, gender_thresholds=least).caption(PIXELS)
    assert asked[0]["people"] == 2


def test_a_model_without_attention_or_confidence_has_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[dict[str, Any]]
) -> None:
    found = outputs()
    del found["attention"]
    model = load(tmp_path, monkeypatch, asked, {"images"}, found, calibration=None)
    (answer,) = model.caption(PIXELS)
    assert answer.attention is None
    assert answer.confidence is None
    assert model.threshold is None


def test_the_fingerprint_is_of_weights_and_search_and_not_of_other_engines() -> None:
    files = {"captioner/a": "1", "vocabulary.txt": "2"}
    manifest = {"files": files, "search": {"beam_size": 3}}
    with_engine = manifest | {"files": files | {"openvino/captioner.bin": "3"}}
    for engine in ("tensorflow", "openvino"):
        same = fingerprint(with_engine, engine) == fingerprint(manifest, engine)
        assert same == (engine == "tensorflow")
    changed = manifest | {"search": {"beam_size": 5}}
    assert fingerprint(changed, "tensorflow") != fingerprint(manifest, "tensorflow")


def test_a_form_that_the_manifest_does_not_name_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[dict[str, Any]]
) -> None:
    load(tmp_path, monkeypatch, asked, {"images"}, outputs())
    with pytest.raises(ValueError, match="no form for openvino; run `python -m training openvino`"):
        Artifact(tmp_path, "openvino")


def test_a_missing_engine_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"captioner\.xml is missing"):
        artifacts._openvino(tmp_path)
