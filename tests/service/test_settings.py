from pathlib import Path

import pytest
from pydantic import ValidationError

from service.settings import BUNDLED_MODEL, Settings, processors


def test_without_variables_only_this_machine_is_served_the_model_that_ships() -> None:
    settings = Settings()
    assert settings.host == "127.0.0.1"
    assert settings.port == 8000
    assert settings.model_dir == BUNDLED_MODEL
    assert BUNDLED_MODEL.name == "model_artifacts"
    assert settings.max_bytes == 10_000_000
    assert settings.max_pixels == 50_000_000
    assert settings.max_pending == 32
    assert settings.threads == processors()
    assert settings.log_level == "info"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("host", "0.0.0.0", "0.0.0.0"),  # noqa: S104
        ("port", "65535", 65_535),
        ("model_dir", "/models/best", Path("/models/best")),
        ("max_bytes", "1", 1),
        ("max_pixels", "1", 1),
        ("max_pending", "1", 1),
        ("threads", "4", 4),
        ("log_level", "debug", "debug"),
        ("log_level", "INFO", "info"),
    ],
)
def test_a_variable_sets_its_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: object
) -> None:
    monkeypatch.setenv(f"CAPTION_{name.upper()}", text)
    assert getattr(Settings(), name) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("port", "0"),
        ("port", "65536"),
        ("port", "http"),
        ("port", ""),
        ("max_bytes", "0"),
        ("max_bytes", "10MB"),
        ("max_pixels", "0"),
        ("max_pixels", "1e6.5"),
        ("max_pending", "0"),
        ("deadline_seconds", "inf"),
        ("receive_seconds", "nan"),
        ("drain_seconds", "1e9"),
        ("max_pending", "-1"),
        ("threads", "0"),
        ("threads", "all"),
        ("log_level", "loud"),
        ("log_level", "info\n"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setenv(f"CAPTION_{name.upper()}", text)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert [error["loc"] for error in refused.value.errors()] == [(name,)]


def test_variables_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "1")
    monkeypatch.setenv("CAPTION_UNKNOWN", "1")
    assert Settings().port == 8000


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc]


def test_every_setting_says_why_one_would_change_it() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_openvino_is_not_asked_to_use_a_gpu() -> None:
    with pytest.raises(ValidationError, match="CPUs only; set CAPTION_DEVICE"):
        Settings(device="gpu", engine="openvino")
