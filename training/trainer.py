"""One step of training: from a batch to better weights, and their average."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from training.batches import Batch, batch_signature
from training.config import TrainConfig
from training.decoder import Decoder
from training.model import Model
from training.reward import CiderReward, advantages
from training.sampling import sample
from training.text import END, PAD, Vocabulary


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
        signature = batch_signature(model.maps_spec)
        self.imitate = tf.function(self._imitate, input_signature=signature[:3])
        self.sample = tf.function(self._sample, input_signature=[model.maps_spec])
        advantage = tf.TensorSpec([None], tf.float32)
        self.reinforce = tf.function(
            self._reinforce, input_signature=[*signature[:3], *signature[1:3], advantage]
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

    def imitation_step(self, batch: Batch) -> float:
        """One update towards the captions of a batch; returns its loss (nats a token)."""
        return float(self.imitate(*batch[:3]))

    def _imitate(self, maps: tf.Tensor, tokens: tf.Tensor, owners: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            log_probs, right = token_log_probs(self.model, maps, tokens, owners, training=True)
            loss = cross_entropy(log_probs, right, self.config.label_smoothing)
        self._update(tape, loss)
        return loss

    def _sample(self, maps: tf.Tensor) -> tf.Tensor:
        """Captions int32 [B * samples, T] drawn from the model as it is."""
        features = self.model.features(maps)
        return sample(self.model.decoder, features, self.config.samples, self.config.max_words)

    def _reinforce(
        self,
        maps: tf.Tensor,
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
            # Without dropout, or it would not be the policy that drew the captions.
            _, right = token_log_probs(self.model, maps, tokens, owners, training=False)
            rows = tf.where(tokens[:, 1:] != PAD)[:, 0]
            loss = -tf.reduce_mean(right * tf.gather(advantage, rows))
            written = token_log_probs(
                self.model,
                maps,
                references,
                reference_owners,
                training=True,
                scale=self.config.temperature,
            )
            loss += self.config.anchor * cross_entropy(*written, self.config.label_smoothing)
        self._update(tape, loss)
        return loss

    def _update(self, tape: tf.GradientTape, loss: tf.Tensor) -> None:
        decoder = self.model.decoder.trainable_variables
        gradients = tape.gradient(loss, self.model.variables())
        self.optimizer.apply_gradients(zip(gradients[: len(decoder)], decoder, strict=True))
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
    optimizer = keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(
            0.0,
            decay_steps=max(1, total_steps - config.warmup_steps),
            warmup_target=rate,
            warmup_steps=config.warmup_steps,
        ),
        weight_decay=config.weight_decay,
        global_clipnorm=config.clip_norm,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "position"])
    return optimizer


def token_log_probs(
    model: Model,
    maps: tf.Tensor,
    tokens: tf.Tensor,
    owners: tf.Tensor,
    training: bool,
    scale: float = 1.0,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Log-probabilities [M, V] where the captions' M tokens stand, and [M] of those tokens.

    Tokens come row by row, without `<start>` and padding. `training` turns dropout on; logits
    are multiplied by `scale`.
    """
    decoder: Decoder = model.decoder
    memory = decoder.remember(model.features(maps), training)
    memory = {name: tf.gather(each, owners) for name, each in memory.items()}
    inputs, targets = tokens[:, :-1], tokens[:, 1:]
    outputs = decoder.forced(inputs, memory, training)
    # Padding is dropped before the widest product, not masked after it.
    real = targets != PAD
    log_probs = tf.nn.log_softmax(scale * decoder.logits(tf.boolean_mask(outputs, real)))
    return log_probs, tf.gather(log_probs, tf.boolean_mask(targets, real), batch_dims=1)


def cross_entropy(log_probs: tf.Tensor, right: tf.Tensor, label_smoothing: float) -> tf.Tensor:
    """Mean cross-entropy with smoothed labels (Szegedy et al. 2016, section 7), a scalar."""
    spread = tf.reduce_mean(log_probs, axis=-1)
    return -tf.reduce_mean((1 - label_smoothing) * right + label_smoothing * spread)


class CiderSteps:
    """Self-critical steps (Rennie et al. 2017): draw captions, score them, learn from it."""

    def __init__(
        self,
        trainer: Trainer,
        vocabulary: Vocabulary,
        captions: Mapping[str, Sequence[Sequence[str]]],
    ) -> None:
        """`captions` are the training photos' own, tokenised, in the order of the photos."""
        self._trainer = trainer
        self._words = vocabulary.words
        self._names = tuple(captions)
        end = vocabulary.words[END]
        self._reward = CiderReward(
            {name: [[*each, end] for each in group] for name, group in captions.items()}
        )

    def step(self, batch: Batch) -> float:
        """One update from the batch's photos; returns its samples' mean reward."""
        samples = self._trainer.config.samples
        tokens = self._trainer.sample(batch.maps)
        images = batch.images.numpy()
        rewards = self._rewards(tokens.numpy(), np.repeat(images, samples))
        advantage = advantages(rewards.reshape(-1, samples)).reshape(-1)
        owners = np.repeat(np.arange(len(images), dtype=np.int32), samples)
        self._trainer.reinforce(batch.maps, tokens, owners, batch.tokens, batch.owners, advantage)
        return float(rewards.mean())

    def _rewards(
        self, tokens: npt.NDArray[np.int32], images: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float32]:
        return np.array(
            [
                self._reward.score(self._names[image], self._caption(row))
                for row, image in zip(tokens.tolist(), images.tolist(), strict=True)
            ],
            np.float32,
        )

    def _caption(self, ids: list[int]) -> list[str]:
        """The words behind `<start>`, `<end>` among them where it was written."""
        return [self._words[i] for i in ids[1:] if i != PAD]
