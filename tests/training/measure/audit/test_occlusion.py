import numpy as np
import numpy.typing as npt
import pytest

from training.measure.artifact import Answer
from training.measure.audit.occlusion import (
    GONE,
    Pixels,
    attention_and_occlusion,
    covered,
    rank_correlation,
    word_log_prob,
)

SIDE = 7
Cells = npt.NDArray[np.float64]


def answer(log_prob: float, attention: Cells | None = None) -> Answer:
    maps = np.stack([attention if attention is not None else np.zeros((SIDE, SIDE))] * 3)
    return Answer(
        [["a", "dog"]], [np.array([-0.1, log_prob, -0.1], np.float32)], maps.astype(np.float32), 0.5
    )


def bright_corner() -> Pixels:
    pixels = np.zeros((224, 224, 3), np.uint8)
    pixels[:96, :96] = 255
    return pixels


def seen(pixels: Pixels) -> Cells:
    """How much of the corner is left, by cells: what this model looks at."""
    cells: Cells = pixels[..., 0].reshape(SIDE, 32, SIDE, 32).mean(axis=(1, 3))
    return cells


def honest(pixels: Pixels) -> list[Answer]:
    """Its word depends on the bright corner, and its attention lies there."""
    return [answer(-5 + each[:96, :96].mean() / 60, seen(each)) for each in pixels]


def lying(pixels: Pixels) -> list[Answer]:
    """Its word depends on the bright corner, and its attention lies opposite."""
    return [answer(-5 + each[:96, :96].mean() / 60, -seen(each)) for each in pixels]


def test_each_cell_is_covered_once_by_the_photo_s_mean_colour() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
    pictures = covered(pixels, SIDE)
    assert pictures.shape == (49, 224, 224, 3)
    middle = pictures[3 * SIDE + 3, 112, 112]
    np.testing.assert_array_equal(middle, pixels.reshape(-1, 3).mean(axis=0).astype(np.uint8))
    for cell, picture in enumerate(pictures):
        row, column = divmod(cell, SIDE)
        changed = np.argwhere((picture != pixels).any(axis=-1))
        assert changed.min(axis=0).tolist() == [max(0, 32 * row - 16), max(0, 32 * column - 16)]


def test_a_word_that_no_caption_holds_is_gone() -> None:
    assert word_log_prob(answer(-0.5), "dog") == -0.5
    assert word_log_prob(answer(-0.5), "cat") == GONE


def test_attention_on_what_matters_correlates_and_elsewhere_does_not() -> None:
    good = attention_and_occlusion(honest, [bright_corner()] * 2)
    bad = attention_and_occlusion(lying, [bright_corner()] * 2)
    assert good["attention"]["mean"] > 0.5
    assert bad["attention"]["mean"] < -0.5
    assert good["attention"]["of"] == 2
    assert good["other"]["of"] == 1  # the first photo has no other one before it


def test_a_model_that_does_not_attend_is_refused() -> None:
    def blind(pixels: Pixels) -> list[Answer]:
        return [Answer([["a"]], [np.zeros(2, np.float32)], None, None) for _ in pixels]

    with pytest.raises(ValueError, match="no attention"):
        attention_and_occlusion(blind, [bright_corner()])


def test_a_flat_map_has_no_rank_correlation() -> None:
    assert np.isnan(rank_correlation(np.zeros(49), np.arange(49.0)))
    assert rank_correlation(np.arange(49.0), np.arange(49.0) ** 3) == pytest.approx(1.0)
