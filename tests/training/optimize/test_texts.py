"""Captions without photos, from their batches to a decoder that learned from them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.optimize.small import small
from training.config import TrainConfig
from training.data.absent import AbsentPhoto
from training.data.tags import Floats, TagNames
from training.data.text import SPECIAL_WORDS, Vocabulary
from training.data.texts import TextData
from training.models.model import Model
from training.models.registry import build_decoder
from training.optimize.steps import Trainer

pytestmark = pytest.mark.tensorflow

NAMES = TagNames(("cat", "dog"), ("a", "cat", "dog"), ())
WORDS = Vocabulary((*SPECIAL_WORDS, "a", "cat", "dog", "sits", "on", "grass"))
PHOTOS = {
    f"{thing}-{i}": AbsentPhoto((thing,), [f"a {thing} sits on grass".split(), ["too", "short"]])
    for thing in ("cat", "dog")
    for i in range(5)
}


def as_they_are(true: Floats, random: np.random.Generator) -> Floats:
    return true


def data() -> TextData:
    return TextData(PHOTOS, NAMES, WORDS, as_they_are, max_words=22)


def test_an_epoch_draws_as_many_captions_as_asked_for_without_repetition() -> None:
    assert len(data()) == 10
    batches = list(data().epoch(seed=1, captions=7, batch=3))
    assert sorted(len(batch.tokens) for batch in batches) == [1, 3, 3]
    again = list(data().epoch(seed=1, captions=7, batch=3))
    np.testing.assert_array_equal(batches[0].tokens, again[0].tokens)
    assert sum(len(batch.tokens) for batch in data().epoch(2, captions=99, batch=4)) == 10


def test_a_caption_comes_with_the_tags_of_its_photo() -> None:
    for batch in data().epoch(seed=0, captions=10, batch=4):
        for tags, tokens in zip(batch.tags, batch.tokens, strict=True):
            cat = WORDS.words[tokens[2]] == "cat"
            assert tags.tolist() == [cat, not cat, 0.5, cat / 2, (not cat) / 2]


def test_a_decoder_learns_to_write_what_the_tags_say() -> None:
    keras.utils.set_random_seed(0)
    config = small("tagged-attention", label_smoothing=0.0)
    decoder = config.decoder.model_copy(update={"tags": NAMES.read, "tag_dropout": 0.0})
    models = [Model(build_decoder(decoder, len(WORDS))) for _ in range(2)]
    trainer = Trainer(config, models[0], models[1], 60)
    (batch,) = data().epoch(seed=0, captions=10, batch=10)
    losses = [trainer.imitation_step(batch) for _ in range(60)]
    assert losses[-1] < 0.1 < losses[0]
    tags = tf.constant([[1, 0, 0.5, 0.5, 0], [0, 1, 0.5, 0, 0.5]], tf.float32)
    memory = models[0].decoder.remember(None, training=False, tags=tags)
    outputs = models[0].decoder.forced(tf.constant([[1, 4]] * 2), memory, training=False)
    logits = models[0].decoder.logits(outputs, memory).numpy()
    assert logits[:, 1].argmax(axis=-1).tolist() == [5, 6]


def test_labels_are_smoothed_until_the_last_epochs() -> None:
    config = TrainConfig.model_validate(
        small("lstm").model_dump() | {"label_smoothing": 0.1, "unsmoothed_epochs": 1, "epochs": 3}
    )
    models = [Model(build_decoder(config.decoder, len(WORDS))) for _ in range(2)]
    trainer = Trainer(config, models[0], models[1], 10)
    found = []
    for epoch in (1, 2, 3):
        trainer.begin_epoch(epoch)
        found.append(float(trainer.label_smoothing))
    assert found == pytest.approx([0.1, 0.1, 0.0])
