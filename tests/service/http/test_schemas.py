import numpy as np
import pytest

from service.engine.captions import Beam, Captions, Word
from service.engine.images import Photo
from service.http.schemas import BeamScore, CaptionResponse, WordScore
from tests.service.conftest import tiny_manifest

PHOTO = Photo(np.zeros((1, 1, 3), np.uint8), 30, 20, "JPEG")
DOG = Beam((Word("a", -0.5), Word("dog", -1.0)), -0.25, -0.9)
CAT = Beam((Word("a", -0.5), Word("cat", -1.5)), -0.25, -1.3)


def response() -> CaptionResponse:
    manifest = tiny_manifest()
    captions = Captions([[DOG, CAT]], 0.001, 0.0123456)
    return CaptionResponse.of(PHOTO, captions, manifest.search, manifest, 0.004, "id")


def test_the_caption_is_the_best_beam() -> None:
    assert response().caption == "a dog"
    assert [beam.text for beam in response().beams] == ["a dog", "a cat"]


def test_a_beam_lists_its_words_and_its_end() -> None:
    beam = response().beams[0]
    assert beam.words == [
        WordScore(word="a", log_probability=-0.5),
        WordScore(word="dog", log_probability=-1.0),
    ]
    assert beam.end_log_probability == -0.25
    assert beam.log_probability == -1.75
    assert beam.score == -0.9


def test_times_are_milliseconds_to_the_microsecond() -> None:
    times = response().milliseconds
    assert (times.decoding, times.queue, times.inference) == (4.0, 1.0, 12.346)


def test_the_photo_and_the_model_are_described() -> None:
    described = response()
    assert described.image.model_dump() == {"width": 30, "height": 20, "format": "JPEG"}
    assert described.model.model_dump() == {"name": "fake", "version": "7"}
    assert described.options == tiny_manifest().search
    assert described.request_id == "id"


def test_a_request_id_is_null_where_there_is_no_request() -> None:
    manifest = tiny_manifest()
    captions = Captions([[DOG]], 0, 0)
    made = CaptionResponse.of(PHOTO, captions, manifest.search, manifest, 0)
    assert made.request_id is None


def test_the_captions_of_several_photos_are_not_mixed_up() -> None:
    manifest = tiny_manifest()
    with pytest.raises(ValueError, match="unpack"):
        CaptionResponse.of(PHOTO, Captions([[DOG], [CAT]], 0, 0), manifest.search, manifest, 0)


def test_attention_is_rounded_to_what_a_picture_needs() -> None:
    attention = np.full((3, 7, 7), 1 / 70, np.float32)
    beam = Beam(DOG.words, DOG.end_log_probability, DOG.score, attention)
    [first, _] = BeamScore.of(beam, with_attention=True).words
    assert first.attention == [[0.014] * 7] * 7
    assert first.sentinel == 0.3
