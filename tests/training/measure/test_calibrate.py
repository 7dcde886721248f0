"""The confidence, on captions whose goodness is known."""

import json
from pathlib import Path

import numpy as np
import pytest

from service.engine.captions import Beam, Word
from service.engine.captions import confidence as served_confidence
from service.engine.manifest import Calibration
from tests.service.conftest import focused
from tests.training.release.test_export import small_encoder, write_run
from tests.training.shapes import CELLS, FEATURES
from training.data.dataset import Dataset
from training.data.features import FeatureCache
from training.measure import calibrate as calibrating
from training.measure.calibrate import Signals, calibrate, confidence, fit, measure
from training.search.generate import Beams

pytestmark = pytest.mark.tensorflow


def photos(count: int, seed: int) -> tuple[Signals, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Captions that are good with the probability their log-probability tells."""
    random = np.random.default_rng(seed)
    log_prob = random.uniform(-2, 0, count)
    good = random.random(count) < 1 / (1 + np.exp(-(2 + 3 * log_prob)))
    return Signals(log_prob, random.normal(0.5, 0.1, count)), good


def odd(count: int) -> Signals:
    """As probable as photos' captions, but looked at without focus."""
    random = np.random.default_rng(9)
    return Signals(random.uniform(-2, 0, count), random.normal(0.05, 0.05, count))


def test_the_confidence_is_the_share_of_good_captions() -> None:
    calibration = fit(*photos(4000, 0), odd(60))
    signals, good = photos(4000, 1)
    measured = measure(calibration, signals, good, confidence(calibration, odd(60)), ["odd"] * 60)
    assert measured["calibration_error"] < 0.05
    assert measured["auroc"] > 0.75
    for each in measured["reliability"]:
        assert each["confidence"] == pytest.approx(each["good"], abs=0.12)


def test_pictures_without_focus_are_uncertain_however_probable_their_captions() -> None:
    calibration = fit(*photos(1000, 0), odd(60))
    sure = confidence(calibration, odd(60))
    assert np.mean(sure < calibration["threshold"]) > 0.8
    signals, good = photos(1000, 1)
    measured = measure(calibration, signals, good, sure, ["odd"] * 60)
    assert measured["uncertain_oddities"]["odd"] > 0.8
    assert measured["uncertain_photos"] <= 0.3
    assert measured["good_share_if_uncertain"] < measured["good_share_if_not"]


def test_a_decoder_that_does_not_attend_is_calibrated_by_log_probability_alone() -> None:
    signals, good = photos(1000, 0)
    blind = Signals(signals.log_prob, np.zeros(1000))
    calibration = fit(blind, good, Signals(odd(60).log_prob, np.zeros(60)))
    assert calibration["focus_weight"] == pytest.approx(0, abs=1e-6)
    assert calibration["log_prob_weight"] > 1


def beams() -> Beams:
    """Two captions; by log-probability the first is better, per word the second."""
    attention = np.zeros((2, 4, 7, 7), np.float32)
    attention[0, :2, 3, 3] = [0.5, 0.3]
    attention[1, :4, 0, 0] = [0.1, 0.2, 0.3, 0.4]
    attention[:, :, 6, 6] = 0.05
    token_log_probs = np.array([[-1.0, -0.8, 0, 0], [-0.6, -0.5, -0.5, -0.4]], np.float32)
    return Beams(
        ["dog", "a brown dog"],
        token_log_probs.sum(axis=1),
        np.array([2, 4]),
        token_log_probs,
        attention,
    )


def test_photos_without_a_good_caption_are_told() -> None:
    signals, good = photos(7, 0)
    with pytest.raises(ValueError, match="no caption of 7 dev photos reaches a CIDEr of 40"):
        fit(signals, np.zeros_like(good), odd(10))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_what_few_photos_cannot_tell_is_left_open(share: float) -> None:
    calibration = fit(*photos(1000, 0), odd(60))
    few, _ = photos(3, 1)
    good = np.full(3, share == 1.0)
    found = measure(calibration, few, good, confidence(calibration, odd(2)), ["noise", "text"])
    assert found["auroc"] is None
    assert found["good_share"] == share
    assert sum(each["photos"] for each in found["reliability"]) == 3
    json.dumps(found, allow_nan=False)


def test_signals_are_of_the_caption_that_is_shown() -> None:
    signals = Signals.of([beams()], length_penalty=0.0)
    assert signals.log_prob[0] == pytest.approx(-0.9)
    assert signals.focus[0] == pytest.approx(np.log(49 * 0.5))
    longer = Signals.of([beams()], length_penalty=1.0)
    assert longer.log_prob[0] == pytest.approx(-0.5)
    assert longer.focus[0] == pytest.approx(np.log(49 * 0.4))


def test_the_service_computes_the_same_confidence() -> None:
    calibration = fit(*photos(1000, 0), odd(60))
    words = tuple(Word("dog", value) for value in (-0.6, -0.5, -0.5))
    for focus in (0.0, 0.3, 0.7):
        beam = Beam(words, -0.4, -2.0, focused(float(np.exp(focus)), tokens=4))
        expected = confidence(calibration, Signals(np.array([-0.5]), np.array([focus])))
        found = served_confidence(beam, Calibration.model_validate(calibration))
        assert found == pytest.approx(expected[0])


def test_a_run_is_fitted_on_dev_and_measured_on_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = tuple(f"{i}.jpg" for i in range(40))
    captions: dict[str, tuple[str, ...]] = {
        n: (f"word{i % 9} word{i % 7} word3", "word3") for i, n in enumerate(names)
    }
    dataset = Dataset({}, captions, {"train": names[:2], "dev": names[2:30], "test": names[20:]})
    random = np.random.default_rng(0)
    maps = random.random((40, 2, CELLS, FEATURES)) + random.random((40, 1, 1, FEATURES))
    rows = {name: row for row, name in enumerate(names)}
    features = FeatureCache(maps.astype(np.float16), rows, "imagenet")
    monkeypatch.setattr(calibrating, "load_encoder", small_encoder)
    monkeypatch.setattr(calibrating, "ODDITIES", 4)
    monkeypatch.setattr(calibrating, "GOOD", 0.005)  # a decoder of random weights is no better
    write_run(tmp_path / "run", "attention")
    result = calibrate(dataset, features, "imagenet", tmp_path / "run")
    assert json.loads((tmp_path / "run" / "calibration.json").read_text()) == result
    Calibration.model_validate(result["calibration"])
    assert result["calibration"]["target_cider"] == 0.5
    measured = result["measured"]
    assert sum(each["photos"] for each in measured["reliability"]) == 20
    assert set(measured["uncertain_oddities"]) == {
        "noise",
        "blank",
        "text",
        "screenshot",
        "drawing",
    }
