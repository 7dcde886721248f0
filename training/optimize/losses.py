"""What a step makes smaller: the cross-entropy of captions, from their words' log-probabilities."""

from collections.abc import Callable

import tensorflow as tf

from training.data.text import PAD, UNK
from training.models.decoder import Decoder
from training.models.model import Model
from training.search.rules import allowed_words, policy_logits


def token_log_probs(
    model: Model,
    maps: tf.Tensor | None,
    tokens: tf.Tensor,
    owners: tf.Tensor,
    training: bool,
    scale: float = 1.0,
    tags: tf.Tensor | None = None,
    forbidden: tf.Tensor | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Log-probabilities [M, V] where the captions' M tokens stand, and [M] of those tokens.

    Tokens come row by row, without `<start>`, `<unk>` and padding. `training` turns dropout on;
    logits are multiplied by `scale`. With the words that were `forbidden` bool [photos, V] as the
    captions were drawn, only what could be drawn has a probability.
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
    logits *= scale
    if forbidden is not None:
        logits = policy_logits(logits, tf.gather(forbidden, tf.gather(owners, rows)))
    log_probs = tf.nn.log_softmax(logits)
    return log_probs, tf.gather(log_probs, tf.boolean_mask(targets, real), batch_dims=1)


def cross_entropy(
    log_probs: tf.Tensor,
    right: tf.Tensor,
    label_smoothing: float | tf.Tensor,
    mean: Callable[[tf.Tensor], tf.Tensor] = tf.reduce_mean,
) -> tf.Tensor:
    """Mean cross-entropy with smoothed labels (Szegedy et al. 2016, section 7), a scalar.

    The labels are smoothed over what may be written, so not over `<pad>`, `<start>` and `<unk>`.
    """
    allowed = tf.cast(allowed_words(tf.shape(log_probs)[-1]) == 0, tf.float32)
    spread = tf.linalg.matvec(log_probs, allowed) / tf.reduce_sum(allowed)
    return -mean((1 - label_smoothing) * right + label_smoothing * spread)
