"""What the shipped model writes, and how sure it says it is, by way of the service's captioner."""

import time
from pathlib import Path

import numpy as np
import pytest

from service.captioner import SavedModelCaptioner
from service.captioning import Beam, Pixels
from service.confidence import confidence
from service.manifest import load_manifest
from tests.photos import views
from training.oddities import oddities
from training.rules import has_repeated_trigram

pytestmark = pytest.mark.artifact

NEVER_LAST = {"a", "an", "the", "of", "with", "in", "and", "at", "to", "from", "wearing", "holding"}


@pytest.fixture(scope="module")
def captioner(artifact: Path) -> SavedModelCaptioner:
    return SavedModelCaptioner(artifact, load_manifest(artifact))


def beams(captioner: SavedModelCaptioner, images: list[Pixels], **options: int) -> list[list[Beam]]:
    search = captioner.manifest.options(**options)
    found: list[list[Beam]] = []
    for start in range(0, len(images), 10):
        batch = np.stack(images[start : start + 10])
        found += captioner.caption_now(batch, search, time.perf_counter()).beams
    return found


@pytest.mark.parametrize("max_length", [3, 8, 20])
def test_no_caption_repeats_a_trigram_or_ends_in_the_middle(
    captioner: SavedModelCaptioner, max_length: int
) -> None:
    for image in beams(captioner, list(views(30, 224)), beam_size=5, max_length=max_length):
        for beam in image:
            words = [word.text for word in beam.words]
            assert words
            assert words[-1] not in NEVER_LAST, beam.text
            assert not has_repeated_trigram(" ".join(words)), beam.text


def test_odd_pictures_are_uncertain_and_a_photo_like_flickr_s_is_not(
    captioner: SavedModelCaptioner,
) -> None:
    calibration = captioner.manifest.calibration
    assert calibration is not None

    def sure(images: list[Pixels]) -> list[float]:
        return [confidence(each[0], calibration) for each in beams(captioner, images)]

    odd = list(oddities(12, seed=5))
    for kind in ("noise", "blank", "text"):
        confidences = sure([each.pixels for each in odd if each.kind == kind])
        assert np.median(confidences) < calibration.threshold, kind
    # The fourth of scikit-image's photos, a motorcycle, is of the kind the model knows.
    assert sure(list(views(4, 224)))[3] > calibration.threshold


def test_a_confidence_is_a_probability(captioner: SavedModelCaptioner) -> None:
    calibration = captioner.manifest.calibration
    assert calibration is not None
    assert 0.05 < calibration.threshold < 0.6
    for each in beams(captioner, list(views(10, 224))):
        assert 0 < confidence(each[0], calibration) < 1
        assert each[0].focus is not None
        assert 1 / 49 < each[0].focus <= 49
