"""Random views of photos."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.data.images import load_image
from training.data.views import random_view


@pytest.fixture
def ramp(tmp_path: Path) -> Path:
    """Red tells the column and green the row: 0 to 255 over the photo."""
    path = tmp_path / "ramp.png"
    pixels = np.zeros((128, 256, 3), np.uint8)
    pixels[..., 0] = np.arange(256)
    pixels[..., 1] = np.arange(0, 256, 2)[:, np.newaxis]
    Image.fromarray(pixels).save(path)
    return path


def test_a_view_shows_a_part_of_at_least_the_asked_area(ramp: Path) -> None:
    shares = []
    for seed in range(60):
        (view,) = random_view(ramp, [64], np.random.default_rng(seed), 0.35)
        red, green = view[..., 0].astype(float), view[..., 1].astype(float)
        shares.append(np.ptp(red) / 255 * np.ptp(green) / 255)
    # The first and the last pixel's middles are seen, not their edges.
    assert 0.33 < min(shares) < 0.45
    assert 0.9 < max(shares) <= 1


def test_half_of_the_views_are_mirrored(ramp: Path) -> None:
    views = [random_view(ramp, [32], np.random.default_rng(s), 0.35)[0] for s in range(60)]
    mirrored = [bool(view[0, 0, 0] > view[0, -1, 0]) for view in views]
    assert 15 < sum(mirrored) < 45


def test_the_encoder_and_its_teacher_are_shown_the_same_part(ramp: Path) -> None:
    small, large = random_view(ramp, [20, 60], np.random.default_rng(3), 0.35)
    assert small.shape == (20, 20, 3)
    assert large.shape == (60, 60, 3)
    again = np.asarray(Image.fromarray(large).resize((20, 20), Image.Resampling.BOX))
    assert np.abs(small.astype(int) - again).max() < 8


def test_a_view_of_all_of_a_photo_is_what_the_encoder_is_shown_of_it(ramp: Path) -> None:
    views = [random_view(ramp, [64], np.random.default_rng(s), 1.0)[0] for s in range(40)]
    whole = load_image(ramp, 64)
    best = min(np.abs(view.astype(int) - whole).mean() for view in views)
    assert best < 4


def test_a_broken_photo_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 no photo")
    with pytest.raises(ValueError, match=r"broken\.jpg cannot be decoded"):
        random_view(broken, [32], np.random.default_rng(0), 0.35)
