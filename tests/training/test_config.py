from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from training.config import DistillConfig, load_config, load_or_default

FILES = (REPOSITORY / "training" / "configs").glob("*.toml")
CONFIGS = sorted(path for path in FILES if path.stem not in {"recipe", "warm-start", "distill"})


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_configuration_that_ships_is_valid(path: Path) -> None:
    assert load_config(path).epochs >= 1


def test_the_teacher_that_ships_is_shown_pixels_around_zero() -> None:
    config = load_or_default(DistillConfig, REPOSITORY / "training" / "configs" / "distill.toml")
    assert (0 - config.teacher.mean[0]) / config.teacher.scale[0] == pytest.approx(-1, abs=0.01)
    with pytest.raises(FileNotFoundError):
        load_or_default(DistillConfig, REPOSITORY / "missing.toml")


def test_a_warm_start_takes_the_decoder_of_what_it_starts_from() -> None:
    path = REPOSITORY / "training" / "configs" / "warm-start.toml"
    config = load_config(path, start={"decoder": {"architecture": "attention", "units": 64}})
    assert config.decoder.units == 64
    with pytest.raises(ValueError, match="decoder: Field required"):
        load_config(path)


def test_what_is_left_out_takes_its_default(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('epochs = 3\n[decoder]\narchitecture = "lstm"\ndropout = 0.1\n')
    config = load_config(path)
    assert (config.epochs, config.decoder.dropout) == (3, 0.1)
    assert (config.min_count, config.decoder.units) == (5, 512)


def test_values_can_be_set_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("epochs = 3\n")
    changes = {"epochs": "7", "mirror": "false", "decoder.dropout": "0.25", "objective": "cider"}
    config = load_config(path, changes, start={"decoder": {"architecture": "lstm", "units": 8}})
    assert (config.epochs, config.mirror, config.objective) == (7, False, "cider")
    assert (config.decoder.units, config.decoder.dropout) == (8, 0.25)
    with pytest.raises(ValueError, match=r"--set epochs\.x: epochs is a value, not a table"):
        load_config(path, {"epochs.x": "3"}, start={"decoder": {"architecture": "lstm"}})
    with pytest.raises(ValueError, match="epoch: Extra inputs"):
        load_config(path, {"epoch": "1"}, start={"decoder": {"architecture": "lstm"}})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[decoder]\narchitecture = "gru"', "'tagged-attention' or 'transformer'"),
        ('epoch = 3\n[decoder]\narchitecture = "lstm"', "Extra inputs are not permitted"),
        ('epochs = 0\n[decoder]\narchitecture = "lstm"', "greater than or equal to 1"),
        ('[decoder]\narchitecture = "lstm"\ndropout = 1.0', "less than 1"),
        ("epochs = 3", "decoder: Field required"),
        ("epochs", "Expected '='"),
    ],
)
def test_a_mistake_is_told(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as raised:
        load_config(path)
    assert "\n" not in str(raised.value)
    assert str(path) in str(raised.value)
