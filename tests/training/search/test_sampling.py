import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from tests.training.shapes import CELLS, FEATURES
from training.config import DecoderConfig
from training.data.text import END, PAD, START, UNK
from training.models.decoder import Decoder
from training.models.registry import DECODERS, build_decoder
from training.search.sampling import sample

pytestmark = pytest.mark.tensorflow

WORDS = 8


@pytest.fixture(params=sorted(DECODERS))
def decoder(request: pytest.FixtureRequest) -> Decoder:
    keras.utils.set_random_seed(0)
    config = DecoderConfig(architecture=request.param, units=16, attention_units=8)
    return build_decoder(config, WORDS)


def draw(
    decoder: Decoder, samples: int, max_length: int = 6, forbidden: int | None = None
) -> npt.NDArray[np.int32]:
    """Captions of two photos; those of the second may not hold the word `forbidden`."""
    maps = tf.random.stateless_normal([2, CELLS, FEATURES], seed=[0, 1])
    never = np.zeros((2, WORDS), np.bool_)
    if forbidden is not None:
        never[1, forbidden] = True
    tokens: npt.NDArray[np.int32] = tf.function(sample)(
        decoder, maps, samples, max_length, tf.constant(never)
    ).numpy()
    return tokens


def test_a_sample_starts_ends_and_is_padded(decoder: Decoder) -> None:
    tokens = draw(decoder, 50)
    assert len(tokens) == 100
    assert tokens.shape[1] <= 8
    assert (tokens[:, 0] == START).all()
    for row in tokens[:, 1:].tolist():
        words = row[: row.index(END)] if END in row else row
        assert not {PAD, START, UNK, END} & set(words)
        assert set(row[len(words) + 1 :]) <= {PAD}


def test_words_come_as_often_as_the_decoder_believes(decoder: Decoder) -> None:
    """The first word's frequencies over many draws, for the first photo."""
    maps = tf.random.stateless_normal([2, CELLS, FEATURES], seed=[0, 1])
    logits = decoder(maps, tf.fill([2, 1], START))[0, 0].numpy()
    logits[[PAD, START, UNK]] = -np.inf
    expected = np.exp(logits) / np.exp(logits).sum()
    first = draw(decoder, 4000, max_length=1)[:4000, 1]
    found = np.bincount(first, minlength=WORDS) / 4000
    np.testing.assert_allclose(found, expected, atol=0.04)


def test_samples_of_a_photo_differ(decoder: Decoder) -> None:
    assert len({tuple(row) for row in draw(decoder, 20).tolist()}) > 10


def test_forbidden_words_are_drawn_for_other_photos_only(decoder: Decoder) -> None:
    first, second = np.split(draw(decoder, 50, forbidden=5), 2)
    assert 5 in first
    assert 5 not in second
