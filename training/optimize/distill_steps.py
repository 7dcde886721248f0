"""One step of distillation: the last stage and what reads its maps, against a teacher's view."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from training.config import DistillConfig
from training.models.encoder import Encoder, encode_stage, encode_trunk


class Seen(NamedTuple):
    """What is known of B views."""

    images: tf.Tensor  # uint8 [B, side, side, 3]
    maps: tf.Tensor  # float32 [B, g, g, C], the teacher's
    logits: tf.Tensor  # float32 [B, K], the teacher's
    objects: tf.Tensor  # float32 [B, O], 1 for those in the photo
    labelled: tf.Tensor  # bool [B], whether the photo has labels


class Losses(NamedTuple):
    """Scalars, means over views."""

    maps: tf.Tensor  # smooth L1 (Girshick 2015) of the teacher's standardised maps
    logits: tf.Tensor  # KL divergence times temperature ** 2 (Hinton et al. 2015), in nats
    objects: tf.Tensor  # binary cross-entropy of photos with labels, in nats an object
    agreement: tf.Tensor  # share of views whose likeliest class is the teacher's


class Distiller:
    """An encoder's last stage with three heads on its maps, and their optimisers."""

    def __init__(self, config: DistillConfig, encoder: Encoder, some: Seen, steps: int) -> None:
        """`some` views tell the shapes of what is learned from."""
        self.config, self.encoder, self.stage = config, encoder, encoder.stage
        channels, *others = (each.shape[-1] for each in (some.maps, some.logits, some.objects))
        self.mean = tf.Variable(tf.zeros([channels]), trainable=False)
        self.deviation = tf.Variable(tf.ones([channels]), trainable=False)
        # A layer has at least one unit, which stays unused where there are no labels.
        self.heads = [keras.layers.Dense(max(size, 1)) for size in (channels, *others)]
        for head in self.heads:
            head.build([None, encoder.spec.channels])
        self.optimizer = _optimizer(
            config, config.learning_rate, config.head_steps, steps - config.head_steps
        )
        self.head_optimizer = _optimizer(config, config.head_learning_rate, 0, steps)
        self.optimizer.build(self.stage.trainable_variables)
        self.head_optimizer.build(self._head_variables)
        self.learn = tf.function(self._learn, reduce_retracing=True)
        self.measure = tf.function(self._losses, reduce_retracing=True)

    @property
    def _head_variables(self) -> list[Any]:
        return [each for head in self.heads for each in head.trainable_variables]

    def parts(self) -> dict[str, Any]:
        """All that a checkpoint must hold."""
        heads = {f"head_{number}": head for number, head in enumerate(self.heads)}
        return heads | {
            "stage": self.stage,
            "optimizer": self.optimizer,
            "head_optimizer": self.head_optimizer,
            "mean": self.mean,
            "deviation": self.deviation,
        }

    def standardise(self, some: Sequence[Seen]) -> None:
        """Take the mean and the deviation of each of the teacher's channels from these views."""
        mean, variance = tf.nn.moments(tf.concat([each.maps for each in some], 0), axes=[0, 1, 2])
        self.mean.assign(mean)
        self.deviation.assign(tf.sqrt(variance) + 1e-3)

    def _learn(self, seen: Seen) -> Losses:
        """One update; returns the losses before it."""
        stage, heads = self.stage.trainable_variables, self._head_variables
        with tf.GradientTape() as tape:
            losses = self._losses(seen)
            total = self.total(losses)
        gradients = tape.gradient(total, [*stage, *heads])
        self.optimizer.apply_gradients(zip(gradients[: len(stage)], stage, strict=True))
        self.head_optimizer.apply_gradients(zip(gradients[len(stage) :], heads, strict=True))
        return losses

    def total(self, losses: Losses) -> tf.Tensor:
        """What is minimised."""
        config = self.config
        return (
            config.maps_weight * losses.maps
            + config.logits_weight * losses.logits
            + config.objects_weight * losses.objects
        )

    def _losses(self, seen: Seen) -> Losses:
        spec = self.encoder.spec
        maps = encode_stage(self.stage, encode_trunk(self.encoder, seen.images), spec)
        adapt, classify, name = self.heads
        pooled = tf.reduce_mean(maps, axis=1)
        wanted = (self._on_grid(seen.maps) - self.mean) / self.deviation
        logits = classify(pooled)
        return Losses(
            tf.reduce_mean(_smooth_l1(adapt(maps) - wanted)),
            self._divergence(logits, seen.logits),
            _where(seen.labelled, _binary(name(pooled)[:, : seen.objects.shape[1]], seen.objects)),
            tf.reduce_mean(
                tf.cast(tf.argmax(logits, axis=1) == tf.argmax(seen.logits, axis=1), tf.float32)
            ),
        )

    def _on_grid(self, maps: tf.Tensor) -> tf.Tensor:
        """The teacher's maps on the encoder's grid: [B, cells, C]."""
        grid = self.encoder.spec.grid
        if maps.shape[1:3] != (grid, grid):
            maps = tf.image.resize(maps, (grid, grid), antialias=True)
        return tf.reshape(maps, [-1, grid * grid, maps.shape[-1]])

    def _divergence(self, logits: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
        mine, right = (
            tf.nn.log_softmax(each / self.config.temperature) for each in (logits, wanted)
        )
        each = tf.reduce_sum(tf.exp(right) * (right - mine), axis=1)
        return tf.reduce_mean(each) * self.config.temperature**2


def _smooth_l1(error: tf.Tensor) -> tf.Tensor:
    size = tf.abs(error)
    return tf.where(size < 1, size**2 / 2, size - 0.5)


def _binary(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """A mean over the objects, [B]; 0 without objects."""
    each = tf.nn.sigmoid_cross_entropy_with_logits(labels, logits)
    return tf.math.divide_no_nan(tf.reduce_sum(each, 1), tf.cast(tf.shape(each)[1], tf.float32))


def _where(chosen: tf.Tensor, each: tf.Tensor) -> tf.Tensor:
    """The mean over the chosen views; 0 without any."""
    weights = tf.cast(chosen, tf.float32)
    return tf.math.divide_no_nan(tf.reduce_sum(weights * each), tf.reduce_sum(weights))


def _optimizer(config: DistillConfig, rate: float, wait: int, steps: int) -> keras.optimizers.AdamW:
    """After `wait` steps without any change, a cosine decay over so many steps."""
    optimizer = keras.optimizers.AdamW(
        _Decay(rate, wait, steps),
        weight_decay=config.weight_decay,
        global_clipnorm=config.clip_norm,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


class _Decay(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, rate: float, wait: int, steps: int) -> None:
        super().__init__()
        self._wait = wait
        self._cosine = keras.optimizers.schedules.CosineDecay(rate, max(1, steps))

    def __call__(self, step: Any) -> Any:
        late = tf.cast(step, tf.float32) - self._wait
        return tf.where(late < 0, 0.0, self._cosine(tf.maximum(late, 0.0)))
