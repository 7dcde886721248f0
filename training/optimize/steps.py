"""One step of training: from a batch to better weights, and their average."""

from collections.abc import Iterable
from typing import Any

import keras
import tensorflow as tf

from training.config import TrainConfig
from training.data.batches import Batch, batch_signature
from training.data.text import PAD, UNK
from training.data.texts import TextBatch
from training.models.decoder import Decoder
from training.models.model import Model
from training.search.rules import allowed_words
from training.search.sampling import sample


class Trainer:
    """A model, its averaged twin, and the optimisers between them."""

    def __init__(
        self, config: TrainConfig, model: Model, averaged: Model, total_steps: int
    ) -> None:
        self.config = config
        self.model = model
        self.averaged = averaged
        for average, variable in zip(averaged.variables(), model.variables(), strict=True):
            average.assign(variable)
        self.optimizer = _optimizer(config, config.learning_rate, total_steps)
        self.optimizer.build(model.decoder.trainable_variables)
        self.stage_optimizer = None
        if model.stage:
            self.stage_optimizer = _optimizer(config, config.encoder_learning_rate, total_steps)
            self.stage_optimizer.build(model.stage.trainable_variables)
        self.label_smoothing = tf.Variable(config.label_smoothing, trainable=False)
        maps, tokens, owners, _, tags = batch_signature(model.maps_spec, model.decoder.tags)
        self.imitate = tf.function(self._imitate, input_signature=[maps, tokens, owners, tags])
        self.measure = tf.function(self._measure, input_signature=[maps, tokens, owners, tags])
        self.imitate_texts = tf.function(self._imitate_texts, input_signature=[tokens, tags])
        self.sample = tf.function(self._sample, input_signature=[maps, tags])
        advantage = tf.TensorSpec([None], tf.float32)
        self.reinforce = tf.function(
            self._reinforce,
            input_signature=[maps, tags, tokens, owners, tokens, owners, advantage],
        )

    def parts(self) -> dict[str, Any]:
        """All that a checkpoint must hold."""
        parts = {
            "decoder": self.model.decoder,
            "averaged": self.averaged.decoder,
            "optimizer": self.optimizer,
            "stage": self.model.stage,
            "averaged_stage": self.averaged.stage,
            "stage_optimizer": self.stage_optimizer,
        }
        return {name: part for name, part in parts.items() if part is not None}

    def begin_epoch(self, epoch: int) -> None:
        """Stop smoothing the labels where the configuration says so."""
        smoothed = epoch <= self.config.epochs - self.config.unsmoothed_epochs
        self.label_smoothing.assign(self.config.label_smoothing if smoothed else 0.0)

    def imitation_step(self, batch: Batch | TextBatch) -> float:
        """One update towards the captions of a batch; returns its loss (nats a token)."""
        if isinstance(batch, TextBatch):
            return float(self.imitate_texts(batch.tokens, batch.tags))
        return float(self.imitate(batch.maps, batch.tokens, batch.owners, self.tags_of(batch)))

    def tags_of(self, batch: Batch) -> tf.Tensor:
        """Tags float32 [B, T] of a batch, without columns where it has none."""
        return tf.zeros([len(batch.maps), 0]) if batch.tags is None else batch.tags

    def _imitate(
        self, maps: tf.Tensor, tokens: tf.Tensor, owners: tf.Tensor, tags: tf.Tensor
    ) -> tf.Tensor:
        with tf.GradientTape() as tape:
            found = token_log_probs(self.model, maps, tokens, owners, training=True, tags=tags)
            loss = cross_entropy(*found, self.label_smoothing)
        self._update(tape, loss)
        return loss

    def loss(self, batches: Iterable[Batch]) -> float:
        """The averaged model's cross-entropy of batches, in nats a token, labels unsmoothed."""
        total, words = 0.0, 0
        for batch in batches:
            targets = batch.tokens[:, 1:].numpy()
            count = int(((targets != PAD) & (targets != UNK)).sum())
            mean = self.measure(batch.maps, batch.tokens, batch.owners, self.tags_of(batch))
            total, words = total + count * float(mean), words + count
        return total / words

    def _measure(
        self, maps: tf.Tensor, tokens: tf.Tensor, owners: tf.Tensor, tags: tf.Tensor
    ) -> tf.Tensor:
        _, right = token_log_probs(self.averaged, maps, tokens, owners, training=False, tags=tags)
        return -tf.reduce_mean(right)

    def _imitate_texts(self, tokens: tf.Tensor, tags: tf.Tensor) -> tf.Tensor:
        """As `_imitate`, of captions without photos, one a row of the tags."""
        owners = tf.range(tf.shape(tokens)[0])
        with tf.GradientTape() as tape:
            found = token_log_probs(self.model, None, tokens, owners, training=True, tags=tags)
            loss = cross_entropy(*found, self.label_smoothing)
        self._update(tape, loss)
        return loss

    def _sample(self, maps: tf.Tensor, tags: tf.Tensor) -> tf.Tensor:
        """Captions int32 [B * samples, T] drawn from the model as it is."""
        features = self.model.features(maps)
        samples, max_words = self.config.samples, self.config.max_words
        return sample(self.model.decoder, features, samples, max_words, tags)

    def _reinforce(
        self,
        maps: tf.Tensor,
        tags: tf.Tensor,
        tokens: tf.Tensor,
        owners: tf.Tensor,
        references: tf.Tensor,
        reference_owners: tf.Tensor,
        advantage: tf.Tensor,
    ) -> tf.Tensor:
        """One update towards captions of positive advantage float32 [N], away from the others.

        REINFORCE (Williams 1992): the loss is -advantage * log-probability, a mean over tokens.
        A share of the references' cross-entropy, as it was before the logits were sharpened,
        keeps the language (Paulus et al. 2018, section 3.3).
        """
        with tf.GradientTape() as tape:
            # Without dropout and <unk>, or it would not be the policy that drew the captions.
            _, right = token_log_probs(
                self.model, maps, tokens, owners, training=False, tags=tags, sampled=True
            )
            rows = tf.where(tokens[:, 1:] != PAD)[:, 0]
            loss = -tf.reduce_mean(right * tf.gather(advantage, rows))
            written = token_log_probs(
                self.model,
                maps,
                references,
                reference_owners,
                training=True,
                scale=self.config.temperature,
                tags=tags,
            )
            loss += self.config.anchor * cross_entropy(*written, self.label_smoothing)
        self._update(tape, loss)
        return loss

    def _update(self, tape: tf.GradientTape, loss: tf.Tensor) -> None:
        decoder = self.model.decoder.trainable_variables
        gradients = tape.gradient(loss, self.model.variables())
        # Captions without photos have no gradient for what reads photos.
        both = zip(gradients[: len(decoder)], decoder, strict=True)
        self.optimizer.apply_gradients([(each, to) for each, to in both if each is not None])
        if self.model.stage and self.stage_optimizer:
            stage = self.model.stage.trainable_variables
            self.stage_optimizer.apply_gradients(zip(gradients[len(decoder) :], stage, strict=True))
        self._average()

    def _average(self) -> None:
        """Exponential moving average, quick to forget while it is young (Polyak averaging)."""
        step = tf.cast(self.optimizer.iterations, tf.float32)
        keep = tf.minimum(self.config.ema_decay, (1 + step) / (10 + step))
        both = zip(self.averaged.variables(), self.model.variables(), strict=True)
        for average, variable in both:
            average.assign_sub((1 - keep) * (average - variable))


def _optimizer(config: TrainConfig, rate: float, total_steps: int) -> keras.optimizers.AdamW:
    warmup = config.warmup_steps
    warmup = round(config.warmup_share * total_steps) if warmup is None else warmup
    optimizer = keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(
            0.0,
            decay_steps=max(1, total_steps - warmup),
            warmup_target=rate,
            warmup_steps=warmup,
        ),
        weight_decay=config.weight_decay,
        global_clipnorm=config.clip_norm,
    )
    optimizer.exclude_from_weight_decay(
        var_names=["bias", "gamma", "beta", "position", "word_scale"]
    )
    return optimizer


def token_log_probs(
    model: Model,
    maps: tf.Tensor | None,
    tokens: tf.Tensor,
    owners: tf.Tensor,
    training: bool,
    scale: float = 1.0,
    tags: tf.Tensor | None = None,
    sampled: bool = False,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Log-probabilities [M, V] where the captions' M tokens stand, and [M] of those tokens.

    Tokens come row by row, without `<start>`, `<unk>` and padding. `training` turns dropout on;
    logits are multiplied by `scale`; if the captions were `sampled`, words that sampling never
    draws have no probability.
    """
    decoder: Decoder = model.decoder
    features = None if maps is None else model.features(maps)
    memory = decoder.remember(features, training, tags)
    memory = {name: tf.gather(each, owners) for name, each in memory.items()}
    inputs, targets = tokens[:, :-1], tokens[:, 1:]
    outputs = decoder.forced(inputs, memory, training)
    # Padding is dropped before the widest product, not masked after it. Nobody wants <unk>.
    real = (targets != PAD) & (targets != UNK)
    rows = tf.where(real)[:, 0]
    evidence = {name: tf.gather(memory[name], rows) for name in decoder.evidence}
    logits = decoder.logits(tf.boolean_mask(outputs, real), evidence)
    log_probs = tf.nn.log_softmax(
        scale * logits + (allowed_words(tf.shape(logits)[-1]) if sampled else 0.0)
    )
    return log_probs, tf.gather(log_probs, tf.boolean_mask(targets, real), batch_dims=1)


def cross_entropy(
    log_probs: tf.Tensor, right: tf.Tensor, label_smoothing: float | tf.Tensor
) -> tf.Tensor:
    """Mean cross-entropy with smoothed labels (Szegedy et al. 2016, section 7), a scalar.

    The labels are smoothed over what may be written, so not over `<pad>`, `<start>` and `<unk>`.
    """
    allowed = tf.cast(allowed_words(tf.shape(log_probs)[-1]) == 0, tf.float32)
    spread = tf.linalg.matvec(log_probs, allowed) / tf.reduce_sum(allowed)
    return -tf.reduce_mean((1 - label_smoothing) * right + label_smoothing * spread)
