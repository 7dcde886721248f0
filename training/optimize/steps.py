"""One step of training: from a batch to better weights, and their average."""

from collections.abc import Callable, Iterable
from typing import Any

import keras
import tensorflow as tf

from training.config import TrainConfig
from training.data.batches import Batch, batch_signature
from training.data.text import PAD, UNK
from training.data.texts import TextBatch
from training.models.model import Model
from training.optimize.losses import cross_entropy, token_log_probs
from training.optimize.replicas import Replicas
from training.search.sampling import sample


class Trainer:
    """A model, its averaged twin, and the optimisers between them."""

    def __init__(
        self,
        config: TrainConfig,
        model: Model,
        averaged: Model,
        total_steps: int,
        replicas: Replicas | None = None,
    ) -> None:
        """The models are made within the scope of `replicas`, and so is the trainer."""
        self.config = config
        self.replicas = replicas or Replicas()
        self.model = model
        self.averaged = averaged
        for average, variable in zip(averaged.variables(), model.variables(), strict=True):
            average.assign(variable)
        # Of gradients that are divided by the number of devices: see `Replicas.gradients`.
        clip_norm = config.clip_norm / self.replicas.count
        self.optimizer = _optimizer(config, config.learning_rate, total_steps, clip_norm)
        self.optimizer.build(model.decoder.trainable_variables)
        self.stage_optimizer = None
        if model.stage:
            rate = config.encoder_learning_rate
            self.stage_optimizer = _optimizer(config, rate, total_steps, clip_norm)
            self.stage_optimizer.build(model.stage.trainable_variables)
        self.label_smoothing = tf.Variable(config.label_smoothing, trainable=False)
        maps, tokens, owners, _, tags = batch_signature(model.maps_spec, model.decoder.tags)
        self.imitate = tf.function(self._imitate, input_signature=[maps, tokens, owners, tags])
        self.measure = tf.function(self._measure, input_signature=[maps, tokens, owners, tags])
        self.imitate_texts = tf.function(self._imitate_texts, input_signature=[tokens, tags])
        forbidden = tf.TensorSpec([None, None], tf.bool)
        self.sample = tf.function(self._sample, input_signature=[maps, tags, forbidden])
        advantage = tf.TensorSpec([None], tf.float32)
        self.reinforce = tf.function(
            self._reinforce,
            input_signature=[maps, tags, forbidden, tokens, owners, tokens, owners, advantage],
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
        def loss() -> tf.Tensor:
            mine, words = self.replicas.captions(owners, tokens)
            photos, seen = self.replicas.photos(maps), self.replicas.photos(tags)
            found = token_log_probs(self.model, photos, words, mine, training=True, tags=seen)
            return cross_entropy(*found, self.label_smoothing, self.replicas.mean)

        return self._learn(loss)

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

        def loss() -> tf.Tensor:
            mine, words = self.replicas.captions(owners, tokens)
            seen = self.replicas.photos(tags)
            found = token_log_probs(self.model, None, words, mine, training=True, tags=seen)
            return cross_entropy(*found, self.label_smoothing, self.replicas.mean)

        return self._learn(loss)

    def _sample(self, maps: tf.Tensor, tags: tf.Tensor, forbidden: tf.Tensor) -> tf.Tensor:
        """Captions int32 [B * samples, T] drawn from the model as it is.

        Words that are `forbidden` bool [B, V] are not drawn.
        """
        features = self.model.features(maps)
        samples, max_words = self.config.samples, self.config.max_words
        return sample(self.model.decoder, features, samples, max_words, forbidden, tags)

    def _reinforce(
        self,
        maps: tf.Tensor,
        tags: tf.Tensor,
        forbidden: tf.Tensor,
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
        mean = self.replicas.mean

        def loss() -> tf.Tensor:
            photos, seen = self.replicas.photos(maps), self.replicas.photos(tags)
            mine, words, worth = self.replicas.captions(owners, tokens, advantage)
            banned = self.replicas.photos(forbidden)
            # Without dropout and <unk>, or it would not be the policy that drew the captions.
            _, right = token_log_probs(
                self.model, photos, words, mine, training=False, tags=seen, forbidden=banned
            )
            rows = tf.where(words[:, 1:] != PAD)[:, 0]
            reward = mean(right * tf.gather(worth, rows))
            theirs, written = self.replicas.captions(reference_owners, references)
            found = token_log_probs(
                self.model,
                photos,
                written,
                theirs,
                training=True,
                scale=self.config.temperature,
                tags=seen,
            )
            return self.config.anchor * cross_entropy(*found, self.label_smoothing, mean) - reward

        return self._learn(loss)

    def _learn(self, loss: Callable[[], tf.Tensor]) -> tf.Tensor:
        """One update against a loss, which each device computes of its share of the batch."""

        def step() -> tf.Tensor:
            with tf.GradientTape() as tape:
                found = loss()
            self._update(tape, found)
            return found

        total = self.replicas.run(step)
        self._average()
        return total

    def _update(self, tape: tf.GradientTape, loss: tf.Tensor) -> None:
        decoder = self.model.decoder.trainable_variables
        gradients = self.replicas.gradients(tape.gradient(loss, self.model.variables()))
        # Captions without photos have no gradient for what reads photos.
        both = zip(gradients[: len(decoder)], decoder, strict=True)
        self.optimizer.apply_gradients([(each, to) for each, to in both if each is not None])
        if self.model.stage and self.stage_optimizer:
            stage = self.model.stage.trainable_variables
            self.stage_optimizer.apply_gradients(zip(gradients[len(decoder) :], stage, strict=True))

    def _average(self) -> None:
        """Exponential moving average, quick to forget while it is young (Polyak averaging)."""
        step = tf.cast(self.optimizer.iterations, tf.float32)
        keep = tf.minimum(self.config.ema_decay, (1 + step) / (10 + step))
        both = zip(self.averaged.variables(), self.model.variables(), strict=True)
        for average, variable in both:
            average.assign_sub((1 - keep) * (average - variable))


def _optimizer(
    config: TrainConfig, rate: float, total_steps: int, clip_norm: float
) -> keras.optimizers.AdamW:
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
        global_clipnorm=clip_norm,
    )
    optimizer.exclude_from_weight_decay(
        var_names=["bias", "gamma", "beta", "position", "word_scale"]
    )
    return optimizer
