"""What the shipped model writes, and how sure it says it is, by way of the service's captioner."""

import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from service.engine.captions import Beam, Pixels
from service.engine.manifest import load_manifest
from service.engine.saved_model import SavedModelCaptioner
from tests.photos import views
from training.data.lexicons.blocked import is_blocked
from training.data.lexicons.people import people_lexicon
from training.measure.artifact import PEOPLE, Artifact
from training.measure.oddities import oddities
from training.search.rules import has_repeated_trigram

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


def sure(captioner: SavedModelCaptioner, images: list[Pixels]) -> list[float]:
    found = [each[0].confidence for each in beams(captioner, images)]
    return [each for each in found if each is not None]


def test_odd_pictures_are_uncertain_and_most_photos_are_not(
    captioner: SavedModelCaptioner,
) -> None:
    described = captioner.manifest.confidence
    assert described is not None
    odd = list(oddities(12, seed=5))
    for kind in ("noise", "blank", "text"):
        confidences = sure(captioner, [each.pixels for each in odd if each.kind == kind])
        assert np.median(confidences) < described.threshold, kind
    # The fourth of scikit-image's photos, a motorcycle, is of a kind the model knows.
    assert sure(captioner, list(views(4, 224)))[3] > described.threshold


def test_a_confidence_is_a_probability(captioner: SavedModelCaptioner) -> None:
    found = sure(captioner, list(views(10, 224)))
    assert len(found) == 10
    assert all(0 < each < 1 for each in found)


def test_a_cat_is_a_cat(captioner: SavedModelCaptioner) -> None:
    cat = Image.fromarray(data.chelsea()).resize((224, 224), Image.Resampling.BICUBIC)
    assert "cat" in beams(captioner, [np.asarray(cat)])[0][0].text.split()


def test_neutral_captions_tell_no_gender(captioner: SavedModelCaptioner) -> None:
    search = captioner.manifest.search.model_copy(update={"people": "neutral", "beam_size": 10})
    images = np.stack(list(views(8, 224)))
    gendered = {*people_lexicon().gendered}
    for image in captioner.caption_now(images, search, time.perf_counter()).beams:
        for beam in image:
            assert gendered.isdisjoint(word.text for word in beam.words), beam.text


def test_gendered_words_are_fewer_by_the_thresholds(artifact: Path) -> None:
    gendered = {*people_lexicon().gendered}
    images = np.stack(list(views(12, 224)))

    def written(people: str) -> int:
        answers = Artifact(artifact, people=people).caption(images)
        return sum(word in gendered for each in answers for beam in each.beams for word in beam)

    neutral, seen, unmasked = (written(people) for people in PEOPLE)
    assert neutral == 0
    assert seen < unmasked


def test_no_blocked_word_is_in_any_caption(captioner: SavedModelCaptioner) -> None:
    for image in beams(captioner, list(views(10, 224)), beam_size=10):
        for beam in image:
            assert not any(is_blocked(word.text) for word in beam.words), beam.text
