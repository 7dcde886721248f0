from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from training.config import load_config

FILES = (REPOSITORY / "training" / "configs").glob("*.toml")
CONFIGS = sorted(path for path in FILES if path.stem != "recipe")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_configuration_that_ships_is_valid_and_named_by_its_decoder(path: Path) -> None:
    assert path.stem.startswith(load_config(path).decoder.architecture)


def test_what_is_left_out_takes_its_default(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('epochs = 3\n[decoder]\narchitecture = "lstm"\ndropout = 0.1\n')
    config = load_config(path)
    assert (config.epochs, config.decoder.dropout) == (3, 0.1)
    assert (config.min_count, config.decoder.units) == (5, 512)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[decoder]\narchitecture = "gru"', "'attention' or 'transformer'"),
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
