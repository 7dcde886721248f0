import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from service.engine.errors import ArtifactError
from service.engine.manifest import SearchOptions, load_manifest
from tests.service.conftest import tiny_manifest

WORDS = b"<pad>\n<start>\n<end>\n<unk>\n"


@pytest.fixture
def model_dir(tmp_path: Path) -> Path:
    """A folder whose manifest lists one file, in a folder of its own."""
    (tmp_path / "captioner").mkdir()
    (tmp_path / "captioner" / "words").write_bytes(WORDS)
    manifest = tiny_manifest(files={"captioner/words": hashlib.sha256(WORDS).hexdigest()})
    (tmp_path / "manifest.json").write_text(manifest.model_dump_json())
    return tmp_path


def refusal(model_dir: Path) -> str:
    with pytest.raises(ArtifactError) as refused:
        load_manifest(model_dir)
    return str(refused.value)


def rewrite(model_dir: Path, **changes: Any) -> None:
    """Change fields of the manifest; `...` takes one out."""
    fields = tiny_manifest().model_dump() | changes
    kept = {name: value for name, value in fields.items() if value is not ...}
    (model_dir / "manifest.json").write_text(json.dumps(kept))


def test_a_whole_model_folder_is_accepted(model_dir: Path) -> None:
    manifest = load_manifest(model_dir)
    assert (manifest.name, manifest.version) == ("fake", "7")
    assert manifest.search == SearchOptions(beam_size=3, max_length=5, length_penalty=0.5)


def test_a_folder_without_a_manifest_is_refused_with_what_to_do(tmp_path: Path) -> None:
    message = refusal(tmp_path)
    assert str(tmp_path) in message
    assert "CAPTION_MODEL_DIR" in message


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    assert "holds no manifest.json" in refusal(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"{}", b"\xff\xfe", b"<html>"])
def test_what_is_no_manifest_is_refused(model_dir: Path, content: bytes) -> None:
    (model_dir / "manifest.json").write_bytes(content)
    assert "not a valid manifest" in refusal(model_dir)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ...),
        ("search", ...),
        ("files", ...),
        ("name", 3),
        ("input", {"height": "tall", "width": 1, "resize_filter": "bicubic"}),
        ("input", {"height": 1, "width": 1, "resize_filter": "nearest"}),
        ("search", {"beam_size": 3.5, "max_length": 5, "length_penalty": 0}),
        ("limits", {"beam_size": [1], "max_length": [1, 2], "length_penalty": [0, 1]}),
        ("files", ["captioner/words"]),
    ],
)
def test_a_missing_or_wrong_field_is_named(model_dir: Path, field: str, value: object) -> None:
    rewrite(model_dir, **{field: value})
    message = refusal(model_dir)
    assert "not a valid manifest" in message
    assert field in message


def test_fields_of_a_later_pipeline_are_ignored(model_dir: Path) -> None:
    path = model_dir / "manifest.json"
    path.write_text('{"later": 1, ' + path.read_text()[1:])
    assert load_manifest(model_dir).name == "fake"


def test_a_missing_file_is_named(model_dir: Path) -> None:
    (model_dir / "captioner" / "words").unlink()
    message = refusal(model_dir)
    assert str(model_dir / "captioner" / "words") in message
    assert "missing" in message


@pytest.mark.parametrize("content", [b"", WORDS[:-1], WORDS + b"\n", WORDS.upper()])
def test_a_damaged_file_is_named(model_dir: Path, content: bytes) -> None:
    (model_dir / "captioner" / "words").write_bytes(content)
    message = refusal(model_dir)
    assert str(model_dir / "captioner" / "words") in message
    assert "damaged" in message


def test_a_folder_in_the_place_of_a_file_is_refused(model_dir: Path) -> None:
    (model_dir / "captioner" / "words").unlink()
    (model_dir / "captioner" / "words").mkdir()
    assert "missing" in refusal(model_dir)


def test_thresholds_of_children_are_read_where_the_model_has_them(model_dir: Path) -> None:
    adults = {"male": 0.6, "female": 0.46}
    rewrite(model_dir, files={}, gender_thresholds=adults)
    found = load_manifest(model_dir).gender_thresholds
    assert found is not None
    assert (found.male, found.female, found.boy, found.girl) == (0.6, 0.46, None, None)
    rewrite(model_dir, files={}, gender_thresholds=adults | {"boy": 0.5, "girl": 0.4})
    found = load_manifest(model_dir).gender_thresholds
    assert found is not None
    assert (found.male, found.female, found.boy, found.girl) == (0.6, 0.46, 0.5, 0.4)


def test_options_not_given_are_the_defaults() -> None:
    manifest = tiny_manifest()
    assert manifest.options() == manifest.search
    assert manifest.options(beam_size=None, max_length=None, length_penalty=None) == manifest.search


def test_options_given_replace_the_defaults_one_by_one() -> None:
    options = tiny_manifest().options(beam_size=None, max_length=9, length_penalty=0.0)
    assert options == SearchOptions(beam_size=3, max_length=9, length_penalty=0.0)


LIMITS = {"beam_size": [2, 4], "max_length": [3, 9], "length_penalty": [0.5, 1.5]}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("beam_size", 2),
        ("beam_size", 4),
        ("max_length", 3),
        ("max_length", 9),
        ("length_penalty", 0.5),
        ("length_penalty", 1.5),
    ],
)
def test_the_limits_themselves_are_allowed(name: str, value: float) -> None:
    assert getattr(tiny_manifest(limits=LIMITS).options(**{name: value}), name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("beam_size", 1),
        ("beam_size", 5),
        ("max_length", 2),
        ("max_length", 10),
        ("length_penalty", 0.49),
        ("length_penalty", 1.51),
        ("length_penalty", float("nan")),
        ("length_penalty", float("inf")),
    ],
)
def test_an_option_outside_the_limits_is_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must be from .* to .* with this model"):
        tiny_manifest(limits=LIMITS).options(**{name: value})


def test_a_manifest_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        tiny_manifest().name = "other"  # type: ignore[misc]
