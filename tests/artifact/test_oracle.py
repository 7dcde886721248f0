"""The graph against the NumPy oracle, on the shipped model and real photos.

The oracle works out the log-probability of every token that the graph wrote. That the search finds
the best captions and ranks them is tested on small decoders (tests/training/search).
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.oracle import END, START, NumpyDecoder
from tests.photos import views

pytestmark = pytest.mark.artifact

IMAGES = 30
BATCH = 10
MAX_LENGTH = 20
LENGTH_PENALTY = 0.7
TOLERANCE = 1e-3

Found = dict[str, Any]  # the signature's outputs as arrays


@pytest.fixture(scope="module")
def model(artifact: Path) -> Any:
    return tf.saved_model.load(str(artifact / "captioner"))


@pytest.fixture(scope="module")
def images() -> Any:
    return np.stack(list(views(IMAGES, 224)))


@pytest.fixture(scope="module")
def decoders(model: Any, images: Any) -> list[NumpyDecoder]:
    weights = {name: value.numpy() for name, value in model.decoder_weights.items()}
    maps = np.concatenate([model.encode(images[i : i + BATCH]) for i in range(0, IMAGES, BATCH)])
    tags = model.tagger_of(maps).numpy()
    return [NumpyDecoder(weights, *each) for each in zip(maps, tags, strict=True)]


def run(model: Any, images: Any, beam_size: int) -> Found:
    found = model.signatures["caption"](
        images=tf.constant(images),
        beam_size=tf.constant(beam_size),
        max_length=tf.constant(MAX_LENGTH),
        length_penalty=tf.constant(LENGTH_PENALTY),
        people=tf.constant(0),
    )
    return {name: value.numpy() for name, value in found.items()}


def check(found: Found, row: int, decoder: NumpyDecoder) -> None:
    """Every token's log-probability and attention are those of the oracle."""
    for beam, tokens in enumerate(found["tokens"][row].tolist()):
        length = tokens.index(END) + 1
        assert not any(tokens[length:])
        state, last = decoder.start(), START
        for place, token in enumerate(tokens[:length]):
            log_probs, state, attention = decoder.step(last, state)
            expected, last = log_probs[token], token
            assert found["token_log_probs"][row, beam, place] == pytest.approx(
                expected, abs=TOLERANCE
            )
            looked = found["attention"][row, beam, place].reshape(-1)
            np.testing.assert_allclose(looked, attention, atol=1e-3, rtol=0)


@pytest.mark.parametrize("beam_size", [1, 5])
def test_the_graph_gives_the_log_probabilities_of_the_oracle_alone_and_in_batches(
    model: Any, images: Any, decoders: list[NumpyDecoder], beam_size: int
) -> None:
    for start in range(0, IMAGES, BATCH):
        batch = run(model, images[start : start + BATCH], beam_size)
        for row in range(BATCH):
            check(batch, row, decoders[start + row])
    for row in range(0, IMAGES, 5):
        check(run(model, images[row : row + 1], beam_size), 0, decoders[row])


def test_an_image_gets_the_same_caption_in_any_order(model: Any, images: Any) -> None:
    few = images[:8]
    forwards, backwards = run(model, few, 3), run(model, few[::-1], 3)
    np.testing.assert_array_equal(forwards["tokens"][:, 0], backwards["tokens"][::-1][:, 0])


def test_different_photos_get_different_captions(model: Any, images: Any) -> None:
    best = run(model, images[:10], 3)["tokens"][:, 0]
    assert len({tuple(each) for each in best.tolist()}) >= 5
