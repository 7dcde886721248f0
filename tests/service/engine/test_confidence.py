import math

import pytest

from service.engine.captions import Beam, Captions, Word, confidence
from service.engine.manifest import Calibration
from service.http.schemas import CaptionResponse
from tests.service.conftest import focused, tiny_manifest
from tests.service.http.test_schemas import PHOTO

CALIBRATION = Calibration(
    intercept=2.0,
    log_prob_weight=3.0,
    focus_weight=-4.0,
    focus_knee=0.5,
    threshold=0.3,
    target_cider=40.0,
)


def beam(log_prob: float, focus: float | None = None) -> Beam:
    """Three tokens, the end included, of a mean log-probability."""
    words = (Word("a", log_prob - 0.2), Word("dog", log_prob + 0.3))
    attention = None if focus is None else focused(focus, tokens=3)
    return Beam(words, log_prob - 0.1, -1.0, attention)


def response(shown: Beam, calibrated: bool = True) -> CaptionResponse:
    manifest = tiny_manifest(calibration=CALIBRATION if calibrated else None)
    other = beam(-9.0)
    captions = Captions([[shown, other]], 0, 0)
    return CaptionResponse.of(PHOTO, captions, manifest.search, manifest, 0)


def test_it_is_the_logistic_function_of_the_mean_log_probability() -> None:
    assert confidence(beam(-0.5), CALIBRATION) == pytest.approx(1 / (1 + math.exp(-0.5)))
    assert confidence(beam(0.0), CALIBRATION) > confidence(beam(-0.1), CALIBRATION)


def test_a_lack_of_focus_lowers_it() -> None:
    expected = 1 / (1 + math.exp(-(2.0 - 1.5 - 4.0 * (0.5 - 0.2))))
    assert confidence(beam(-0.5, math.exp(0.2)), CALIBRATION) == pytest.approx(expected)


@pytest.mark.parametrize("focus", [math.exp(0.5), 3.0, 49.0])
def test_focus_beyond_the_knee_does_not_matter(focus: float) -> None:
    assert confidence(beam(-0.5, focus), CALIBRATION) == pytest.approx(
        confidence(beam(-0.5), CALIBRATION)
    )


def test_the_answer_tells_the_best_caption_s_confidence() -> None:
    sure, unsure = response(beam(-0.5)), response(beam(-1.5))
    assert (sure.confidence, sure.uncertain) == (0.6225, False)
    assert (unsure.confidence, unsure.uncertain) == (0.0759, True)
    assert unsure.caption == "a dog"


def test_a_model_that_is_not_calibrated_says_nothing() -> None:
    answer = response(beam(-0.5), calibrated=False)
    assert (answer.confidence, answer.uncertain) == (None, None)
