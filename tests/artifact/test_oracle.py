"""The graph's beam search against the NumPy oracle, on the shipped model and real photos."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.oracle import Hypothesis, NumpyDecoder, beam_search
from tests.photos import views

pytestmark = pytest.mark.artifact

IMAGES = 50
BATCH = 10
MAX_LENGTH = 20
LENGTH_PENALTY = 0.7
TOLERANCE = 1e-4

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
    return [NumpyDecoder(weights, each) for each in maps]


def run(model: Any, images: Any, beam_size: int) -> Found:
    found = model.signatures["caption"](
        images=tf.constant(images),
        beam_size=tf.constant(beam_size),
        max_length=tf.constant(MAX_LENGTH),
        length_penalty=tf.constant(LENGTH_PENALTY),
    )
    return {name: value.numpy() for name, value in found.items()}


def check(found: Found, row: int, expected: list[Hypothesis]) -> None:
    """Same scores; same captions wherever no other beam scores the same within rounding."""
    scores = np.array([each.score(LENGTH_PENALTY) for each in expected])
    np.testing.assert_allclose(found["scores"][row], scores, atol=TOLERANCE, rtol=0)
    for beam, hypothesis in enumerate(expected):
        if np.sum(np.abs(scores - scores[beam]) < 2 * TOLERANCE) > 1:
            continue
        length = len(hypothesis.tokens)
        assert tuple(found["tokens"][row, beam, :length]) == hypothesis.tokens
        assert not found["tokens"][row, beam, length:].any()
        log_probs = found["token_log_probs"][row, beam, :length]
        np.testing.assert_allclose(log_probs, hypothesis.log_probs, atol=TOLERANCE, rtol=0)
        if "attention" in found:
            attention = found["attention"][row, beam, :length].reshape(length, 49)
            np.testing.assert_allclose(attention, hypothesis.attention, atol=1e-3, rtol=0)


@pytest.mark.parametrize("beam_size", [1, 3, 5])
def test_the_graph_finds_the_captions_of_the_oracle_alone_and_in_batches(
    model: Any, images: Any, decoders: list[NumpyDecoder], beam_size: int
) -> None:
    dangling = model.dangling.numpy()
    expected = [
        beam_search(each, dangling, beam_size, MAX_LENGTH, LENGTH_PENALTY) for each in decoders
    ]
    for start in range(0, IMAGES, BATCH):
        batch = run(model, images[start : start + BATCH], beam_size)
        for row in range(BATCH):
            check(batch, row, expected[start + row])
    for row in range(IMAGES):
        check(run(model, images[row : row + 1], beam_size), 0, expected[row])


def test_an_image_gets_the_same_caption_in_any_order(model: Any, images: Any) -> None:
    few = images[:8]
    forwards, backwards = run(model, few, 3), run(model, few[::-1], 3)
    np.testing.assert_array_equal(forwards["tokens"][:, 0], backwards["tokens"][::-1][:, 0])


def test_different_photos_get_different_captions(model: Any, images: Any) -> None:
    best = run(model, images[:10], 3)["tokens"][:, 0]
    assert len({tuple(each) for each in best.tolist()}) >= 5
