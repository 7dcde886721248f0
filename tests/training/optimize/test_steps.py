"""Learning from rewards, and with the encoder."""

import itertools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.optimize.small import rows, small, train, trainer_of
from tests.training.release.test_export import small_encoder
from tests.training.shapes import CELLS, FEATURES, TRUNK_CELLS, TRUNK_FEATURES
from training.data.batches import Batch, pad
from training.data.dataset import Dataset
from training.data.features import FeatureCache
from training.data.text import SPECIAL_WORDS, Vocabulary
from training.measure.metrics import have_java
from training.models.model import Model
from training.models.registry import DECODERS, build_decoder
from training.optimize import train as training
from training.optimize.cider import CiderReward, CiderSteps
from training.optimize.inputs import Inputs
from training.optimize.run_folder import load_run
from training.optimize.steps import Trainer

pytestmark = pytest.mark.tensorflow

WORDS = Vocabulary((*SPECIAL_WORDS, "a", "dog", "cat", "runs", "sits", "fast", "red", "blue"))
REFERENCES = {
    "a.jpg": [["a", "red", "dog", "runs", "fast"], ["a", "dog", "runs"]],
    "b.jpg": [["a", "blue", "cat", "sits"], ["a", "cat", "sits"]],
}


def two_photos() -> Batch:
    maps = np.random.default_rng(0).normal(size=(2, CELLS, FEATURES)).astype(np.float16)
    captions = [[WORDS.encode(each) for each in group] for group in REFERENCES.values()]
    tokens, owners = pad(captions)
    images = tf.constant([0, 1], tf.int64)
    return Batch(tf.constant(maps), tf.constant(tokens), tf.constant(owners), images)


@pytest.mark.parametrize("architecture", sorted(DECODERS))
def test_captions_of_more_reward_become_more_probable(architecture: str) -> None:
    keras.utils.set_random_seed(0)
    config = small(architecture, objective="cider", learning_rate=0.01, samples=5, max_words=6)
    trainer = trainer_of(config, len(WORDS), steps=400)
    steps = CiderSteps(trainer, WORDS, REFERENCES)
    batch = two_photos()
    rewards = [steps.step(batch) for _ in range(120)]
    assert np.mean(rewards[-10:]) > 2 * np.mean(rewards[:10]) + 0.1


def test_a_sample_is_scored_against_its_own_photo_with_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = small("lstm", objective="cider", samples=2, max_words=3)
    trainer = trainer_of(config, len(WORDS))
    drawn = [[1, 4, 5, 2, 0], [1, 6, 6, 6, 0], [1, 4, 6, 8, 2], [1, 2, 0, 0, 0]]
    trainer.sample = lambda maps, tags, forbidden: tf.constant(drawn)
    learned: list[Any] = []
    trainer.reinforce = lambda *given: learned.append(given)
    scored = []

    def score(self: CiderReward, name: str, caption: Any) -> float:
        scored.append((name, " ".join(caption)))
        return float(len(scored))

    monkeypatch.setattr(CiderReward, "score", score)
    steps = CiderSteps(trainer, WORDS, REFERENCES)
    assert steps.step(two_photos()) == 2.5
    assert scored == [
        ("a.jpg", "a dog <end>"),
        ("a.jpg", "cat cat cat"),
        ("b.jpg", "a cat sits <end>"),
        ("b.jpg", "<end>"),
    ]
    ((_, _, _, tokens, owners, _, _, advantage),) = learned
    assert tokens.numpy().tolist() == drawn
    assert owners.tolist() == [0, 0, 1, 1]
    assert advantage.tolist() == [-1, 1, -1, 1]


def test_photos_of_the_neutral_share_are_drawn_and_rewarded_without_gender() -> None:
    words = Vocabulary((*SPECIAL_WORDS, "a", "man", "woman", "person", "runs", "sits"))
    references = {"a.jpg": [["a", "man", "runs"]], "b.jpg": [["a", "woman", "sits"]]}
    config = small("lstm", objective="cider", samples=5, max_words=4, neutral_share=1.0)
    trainer = trainer_of(config, len(words), steps=400)
    drawn: list[Any] = []
    sample = trainer.sample

    def draw(*given: Any) -> tf.Tensor:
        drawn.append(sample(*given))
        return drawn[-1]

    trainer.sample = draw
    steps = CiderSteps(trainer, words, references)
    captions = [[words.encode(each) for each in group] for group in references.values()]
    tokens, owners = (tf.constant(each) for each in pad(captions))
    batch = two_photos()._replace(tokens=tokens, owners=owners)
    rewards = [steps.step(batch) for _ in range(80)]
    gendered = [words.words.index(word) for word in ("man", "woman")]
    assert not np.isin(np.concatenate([each.numpy().reshape(-1) for each in drawn]), gendered).any()
    assert np.mean(rewards[-10:]) > np.mean(rewards[:10]) + 0.5


def test_a_share_of_the_photos_is_neutral_the_same_ones_in_a_resumed_run() -> None:
    config = small("lstm", objective="cider", samples=2, max_words=3, neutral_share=0.3)
    steps = CiderSteps(trainer_of(config, len(WORDS)), WORDS, REFERENCES)
    first = steps._draw_neutral(1000)
    assert 0.25 < first.mean() < 0.35
    np.testing.assert_array_equal(steps._draw_neutral(1000), first)


def test_the_gradient_is_that_of_the_expected_reward() -> None:
    """REINFORCE with the other samples for a baseline, summed over all pairs of samples.

    With captions of one word, the expectation can be written down.
    """
    config = small("lstm", objective="cider", samples=2, max_words=1)
    model = Model(build_decoder(config.decoder, len(WORDS)))
    maps = two_photos().maps[:1]
    words = range(4, len(WORDS))
    worth = {word: float(word % 3) for word in words}

    def first_word(place: int) -> tf.Tensor:
        memory = model.decoder.remember(tf.cast(maps, tf.float32), training=False)
        start = tf.constant([1])
        outputs, _, _ = model.decoder.step(start, model.decoder.initial_state(memory), memory)
        return tf.nn.log_softmax(model.decoder.logits(outputs, memory)[0, 4:])[place]

    kernel = model.decoder.output_layer.kernel
    with tf.GradientTape() as tape:
        logs = [first_word(place) for place in range(len(words))]
        expected_reward = tf.add_n([tf.exp(log) * worth[4 + i] for i, log in enumerate(logs)])
    expected = tape.gradient(expected_reward, kernel).numpy()

    chances = [float(tf.exp(log)) for log in logs]
    with tf.GradientTape() as tape:
        logs = [first_word(place) for place in range(len(words))]
        total = tf.zeros([])
        for one, other in itertools.product(range(len(words)), repeat=2):
            lead = worth[4 + one] - worth[4 + other]
            total += chances[one] * chances[other] * lead * logs[one]
    found = tape.gradient(total, kernel).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_under_the_reward_the_words_stand_still_and_the_rest_moves(
    dataset: Dataset, features: FeatureCache, tmp_path: Path
) -> None:
    start, run = tmp_path / "start", tmp_path / "run"
    base = small("attention", epochs=1)
    train(base, Inputs(dataset, features, "imagenet"), start, resume=False)
    config = small("attention", objective="cider", samples=2, temperature=0.5, epochs=1)
    train(config, Inputs(dataset, features, "imagenet", start), run, resume=False)
    assert "reward" in rows(run)[0]
    assert ("dev METEOR" in rows(run)[0]) == have_java()
    before, after = (load_run(each, "imagenet").decoder for each in (start, run))
    np.testing.assert_array_equal(after.embedding, before.embedding)
    np.testing.assert_allclose(after.output_bias, before.output_bias / 0.5)
    moved = np.abs(after.lstm.kernel - before.lstm.kernel).max()
    assert 1e-5 < moved < 1


def test_sharpening_divides_the_logits() -> None:
    for architecture in DECODERS:
        decoder = build_decoder(small(architecture).decoder, len(WORDS))
        decoder.output_bias.assign(tf.range(len(WORDS), dtype=tf.float32))
        maps, tokens = tf.cast(two_photos().maps, tf.float32), tf.constant([[1, 4], [1, 5]])
        before = decoder(maps, tokens).numpy()
        decoder.sharpen(0.5)
        np.testing.assert_allclose(decoder(maps, tokens), 2 * before, rtol=1e-4, atol=1e-5)


def trunk_of(dataset: Dataset) -> FeatureCache:
    maps = np.random.default_rng(0).random((len(dataset.names), 2, TRUNK_CELLS, TRUNK_FEATURES))
    rows = {name: row for row, name in enumerate(dataset.names)}
    return FeatureCache(maps.astype(np.float16), rows, "imagenet trunk")


def test_a_fine_tuned_run_keeps_its_stage_and_later_runs_take_it_over(
    dataset: Dataset, features: FeatureCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "load_encoder", small_encoder)
    fine, later = tmp_path / "fine", tmp_path / "later"
    config = small("lstm", encoder_learning_rate=0.01)
    train(config, Inputs(dataset, trunk_of(dataset), "imagenet"), fine, resume=False)
    stage = fine / "encoder-stage.weights.h5"
    tuned = small_encoder("imagenet", stage).stage.get_weights()[0]
    assert np.abs(tuned - small_encoder("imagenet").stage.get_weights()[0]).max() > 1e-4
    with pytest.raises(ValueError, match="was trained on features of the encoder imagenet stage"):
        load_run(fine, "imagenet")

    train(small("lstm"), Inputs(dataset, features, "imagenet", fine), later, resume=False)
    assert (later / stage.name).read_bytes() == stage.read_bytes()


def test_a_fine_tuned_run_goes_on_with_its_stage(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "load_encoder", small_encoder)
    config = small("lstm", encoder_learning_rate=0.01, epochs=3)
    inputs = Inputs(dataset, trunk_of(dataset), "imagenet")
    train(config, inputs, tmp_path / "whole", resume=False)
    epoch = training._train_epoch

    def stop(*given: Any) -> float:
        if given[-1] == 2:
            raise KeyboardInterrupt
        return epoch(*given)

    monkeypatch.setattr(training, "_train_epoch", stop)
    with pytest.raises(KeyboardInterrupt):
        train(config, inputs, tmp_path / "stopped", resume=False)
    monkeypatch.setattr(training, "_train_epoch", epoch)
    train(config, inputs, tmp_path / "stopped", resume=True)
    losses = [[row["loss"] for row in rows(tmp_path / name)] for name in ("whole", "stopped")]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_a_run_goes_on_only_from_the_start_it_was_given(
    dataset: Dataset, features: FeatureCache, tmp_path: Path
) -> None:
    inputs = Inputs(dataset, features, "imagenet")
    train(small("lstm", epochs=1), inputs, tmp_path / "start", resume=False)
    train(small("lstm", epochs=1), inputs, tmp_path / "run", resume=False)
    other = Inputs(dataset, features, "imagenet", tmp_path / "start")
    with pytest.raises(ValueError, match="started with another start"):
        train(small("lstm", epochs=1), other, tmp_path / "run", resume=True)


def test_both_optimisers_have_a_rate_of_their_own() -> None:
    config = small("lstm", encoder_learning_rate=0.001, learning_rate=0.1, warmup_steps=0)
    models = [
        Model(build_decoder(config.decoder, len(WORDS)), small_encoder("imagenet").stage)
        for _ in range(2)
    ]
    trainer = Trainer(config, models[0], models[1], 100)
    assert trainer.stage_optimizer is not None
    rates = [float(each.learning_rate) for each in (trainer.optimizer, trainer.stage_optimizer)]
    assert rates == pytest.approx([0.1, 0.001])
