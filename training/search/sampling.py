"""Captions drawn at random from a decoder, word by word."""

import tensorflow as tf

from training.data.text import END, PAD, START
from training.models.decoder import Decoder
from training.search.rules import policy_logits


def sample(
    decoder: Decoder,
    features: tf.Tensor,
    samples: int,
    max_length: int,
    forbidden: tf.Tensor,
    tags: tf.Tensor | None = None,
) -> tf.Tensor:
    """Token ids int32 [B * samples, T] of feature maps float32 [B, cells, channels].

    Each row is `<start>`, at most `max_length` words, `<end>` unless that was too few, `<pad>`.
    Words that are `forbidden` bool [B, V] in captions of a photo are not drawn.
    """
    forbidden = tf.repeat(forbidden, samples, axis=0)
    memory = decoder.remember(features, training=False, tags=tags)
    state = tuple(tf.repeat(each, samples, axis=0) for each in decoder.initial_state(memory))
    memory = decoder.share(memory, samples)
    last = tf.fill([tf.shape(features)[0] * samples], START)
    finished = tf.zeros_like(last, tf.bool)
    written = tf.TensorArray(tf.int32, 0, dynamic_size=True, element_shape=[None])
    written = written.write(0, last)
    for step in tf.range(max_length + 1):
        if tf.reduce_all(finished):
            break
        outputs, state, _ = decoder.step(last, state, memory)
        logits = policy_logits(decoder.logits(outputs, memory), forbidden)
        drawn = tf.random.categorical(logits, 1, dtype=tf.int32)[:, 0]
        last = tf.where(finished, PAD, drawn)
        finished = finished | (last == END)
        written = written.write(step + 1, last)
    return tf.transpose(written.stack())
