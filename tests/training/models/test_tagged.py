"""What the tags add to the attention decoder, worked out again in NumPy."""

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from tests.oracle import State, layer_norm, sigmoid
from tests.training.shapes import CELLS, FEATURES
from training.config import DecoderConfig
from training.data.text import END, START
from training.models.registry import build_decoder
from training.models.tagged import TaggedAttentionDecoder

pytestmark = pytest.mark.tensorflow

Floats = npt.NDArray[np.float64]
WORDS, TAGS = 12, 7


@pytest.fixture
def decoder() -> TaggedAttentionDecoder:
    keras.utils.set_random_seed(0)
    config = DecoderConfig(
        architecture="tagged-attention", units=16, attention_units=8, tags=TAGS, tag_dropout=0.5
    )
    decoder = build_decoder(config, WORDS)
    assert isinstance(decoder, TaggedAttentionDecoder)
    random = np.random.default_rng(1)
    for weight in decoder.trainable_variables:
        weight.assign(weight + random.normal(0, 0.3, weight.shape))
    decoder.tag_mean.assign(random.uniform(0, 0.5, TAGS))
    decoder.tag_deviation.assign(random.uniform(0.05, 0.5, TAGS))
    decoder.tag_prior.assign(random.uniform(0, 0.5, TAGS))
    decoder.word_column.assign(random.integers(0, TAGS + 1, WORDS))
    decoder.object_column.assign(random.integers(0, TAGS + 1, WORDS))
    decoder.sharpness.assign(1.7)
    return decoder


def maps(images: int = 2) -> npt.NDArray[np.float32]:
    return np.random.default_rng(2).random((images, CELLS, FEATURES), np.float32)


def raw_tags(images: int = 2) -> npt.NDArray[np.float32]:
    """Some of them are outside 0 and 1, as a linear head's are."""
    return np.random.default_rng(3).normal(0.3, 0.5, (images, TAGS)).astype(np.float32)


def expected_logits(
    decoder: TaggedAttentionDecoder, seen: Floats | None, tags: Floats, tokens: list[int]
) -> Floats:
    """Of one caption, [T, V], with the plain equations and in float64."""
    w = {
        weight.path.partition("/")[2]: np.asarray(weight.numpy(), np.float64)
        for weight in decoder.weights
    }

    def dense(name: str, x: Floats) -> Floats:
        return np.asarray(x @ w[f"{name}/kernel"] + w.get(f"{name}/bias", 0.0))

    def norm(name: str, x: Floats) -> Floats:
        return layer_norm(x, w[f"{name}/gamma"], w[f"{name}/beta"])

    def project(x: Floats) -> Floats:
        return np.asarray(x @ w["lstm/kernel"] + w["lstm/bias"])

    def lstm(gates: Floats, state: State) -> State:
        parts = np.split(gates + state.hidden @ w["lstm/recurrent_kernel"], 5)
        cell = sigmoid(parts[1]) * state.cell + sigmoid(parts[0]) * np.tanh(parts[2])
        squashed = np.tanh(cell)
        return State(sigmoid(parts[3]) * squashed, cell, sigmoid(parts[4]) * squashed)

    shares = np.clip(tags, 0, 1)
    standard = np.clip((shares - w["tag_mean"]) / w["tag_deviation"], -4, 6)
    evidence = np.append(np.log((shares + 0.02) / (w["tag_prior"] + 0.02)), 0.0)
    words = w["word_scale"] * evidence[w["word_column"].astype(int)]
    objects = evidence[w["object_column"].astype(int)]
    image, cells = np.zeros(16), w["position"]
    if seen is not None:
        image = norm("image_norm", dense("image", seen.mean(axis=0)))
        cells = cells + norm("cell_norm", dense("cell", seen))
    given = project(image) + norm("tag_norm", dense("tag", standard)) @ w["tag_kernel/kernel"]

    state = lstm(given, State(np.zeros(16), np.zeros(16), np.zeros(16)))
    found = []
    for token in tokens:
        state = lstm(project(w["embedding"][token] * 4) + given, state)
        query = dense("query", state.hidden)
        sentinel_key = np.tanh(dense("sentinel_key", state.sentinel) + query)
        keys = np.vstack([np.tanh(dense("key", cells) + query), sentinel_key])
        energies = np.exp(dense("energy", keys)[:, 0])
        weights = energies / energies.sum()
        context = weights[:-1] @ cells + weights[-1] * state.sentinel
        output = dense("output", context + state.hidden)
        gates = np.log1p(np.exp(dense("gate", output)))
        plain = w["embedding"] @ output + w["output_bias"]
        found.append(w["sharpness"] * (plain + gates[0] * words + gates[1] * objects))
    return np.array(found)


def test_logits_are_those_of_the_equations(decoder: TaggedAttentionDecoder) -> None:
    tokens = [[1, 5, 6, 4], [1, 9, 9, 3]]
    found = decoder(tf.constant(maps()), tf.constant(tokens), tags=tf.constant(raw_tags()))
    for image in range(2):
        seen, tags = maps()[image].astype(float), raw_tags()[image].astype(float)
        expected = expected_logits(decoder, seen, tags, tokens[image])
        np.testing.assert_allclose(found[image], expected, atol=1e-3)


def test_a_caption_without_a_photo_is_written_from_its_tags_alone(
    decoder: TaggedAttentionDecoder,
) -> None:
    tokens = [[1, 5, 6, 4], [1, 9, 9, 3]]
    memory = decoder.remember(None, training=False, tags=tf.constant(raw_tags()))
    found = decoder.logits(decoder.forced(tf.constant(tokens), memory, training=False), memory)
    for row in range(2):
        expected = expected_logits(decoder, None, raw_tags()[row].astype(float), tokens[row])
        np.testing.assert_allclose(found[row], expected, atol=1e-3)


def test_steps_one_by_one_give_the_logits_of_teacher_forcing(
    decoder: TaggedAttentionDecoder,
) -> None:
    tokens = tf.constant([[1, 5, 6, 4], [1, 9, 9, 3]])
    whole = decoder(tf.constant(maps()), tokens, tags=tf.constant(raw_tags()))
    memory = decoder.remember(tf.constant(maps()), training=False, tags=tf.constant(raw_tags()))
    state = decoder.initial_state(memory)
    for position in range(4):
        outputs, state, _ = decoder.step(tokens[:, position], state, memory)
        logits = decoder.logits(outputs, memory)
        np.testing.assert_allclose(logits, whole[:, position], atol=1e-4)


def test_the_likelier_a_tag_the_likelier_its_word(decoder: TaggedAttentionDecoder) -> None:
    decoder.word_column.assign([TAGS] * 5 + [2] + [TAGS] * (WORDS - 6))
    decoder.object_column.assign([TAGS] * WORDS)
    decoder.word_scale.assign([1.0] * WORDS)
    output = tf.ones([1, 16])
    logits = []
    for share in (0.0, 0.5, 1.0):
        tags = raw_tags(1)
        tags[0, 2] = share
        memory = decoder.remember(tf.constant(maps(1)), training=False, tags=tf.constant(tags))
        logits.append(decoder.logits(output, memory)[0].numpy())
    assert logits[0][5] < logits[1][5] < logits[2][5]
    np.testing.assert_allclose(np.delete(logits[0], 5), np.delete(logits[2], 5), rtol=1e-6)


def test_columns_beyond_its_own_are_ignored(decoder: TaggedAttentionDecoder) -> None:
    start = tf.constant([[1], [1]])
    pairs = np.concatenate([raw_tags(), np.ones((2, 3), np.float32)], axis=1)
    with_pairs = decoder(tf.constant(maps()), start, tags=tf.constant(pairs))
    without = decoder(tf.constant(maps()), start, tags=tf.constant(raw_tags()))
    np.testing.assert_array_equal(with_pairs, without)


def test_without_tags_no_word_has_evidence(decoder: TaggedAttentionDecoder) -> None:
    memory = decoder.remember(tf.constant(maps()), training=False)
    assert not np.any(memory["word_evidence"])
    assert not np.any(memory["object_evidence"])
    with pytest.raises(ValueError, match="needs tags"):
        decoder.remember(None, training=False)


def test_sharpening_divides_every_logit(decoder: TaggedAttentionDecoder) -> None:
    start = tf.constant([[1], [1]])
    decoder.sharpness.assign(1.0)
    before = decoder(tf.constant(maps()), start, tags=tf.constant(raw_tags()))
    decoder.sharpen(0.5)
    after = decoder(tf.constant(maps()), start, tags=tf.constant(raw_tags()))
    np.testing.assert_allclose(after, 2 * before, rtol=1e-4)
    decoder.sharpen(0.5)  # as a run does that begins with a decoder that is sharp already
    again = decoder(tf.constant(maps()), start, tags=tf.constant(raw_tags()))
    np.testing.assert_array_equal(again, after)


def test_every_weight_of_a_decoder_with_tags_gets_a_gradient(
    decoder: TaggedAttentionDecoder,
) -> None:
    tokens = tf.constant([[START, 5, 9, END], [START, 7, 7, END]])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(
            decoder(tf.constant(maps()), tokens, tags=tf.constant(raw_tags())) ** 2
        )
    weights = decoder.trainable_variables
    for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
        assert np.abs(tf.convert_to_tensor(gradient)).max() > 0, weight.path


def test_no_step_trains_what_the_tags_mean(decoder: TaggedAttentionDecoder) -> None:
    trained = {weight.name for weight in decoder.trainable_variables}
    assert "word_scale" in trained
    assert not trained & {"tag_mean", "tag_deviation", "tag_prior", "sharpness"}
    assert not trained & {"word_column", "object_column"}


@pytest.mark.parametrize("architecture", ["lstm", "attention", "transformer"])
def test_other_decoders_say_that_they_need_a_photo(architecture: str) -> None:
    config = DecoderConfig.model_validate(
        {"architecture": architecture, "units": 16, "attention_units": 8}
    )
    with pytest.raises(ValueError, match="cannot caption without feature maps"):
        build_decoder(config, WORDS).remember(None, training=False)
