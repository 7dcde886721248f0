"""Beam search inside the TensorFlow graph, batched over images and beams."""

from typing import NamedTuple

import tensorflow as tf

from training.decoder import Decoder
from training.encoder import GRID_SIDE
from training.rules import Rules, next_words
from training.text import END, PAD, START


class Hypotheses(NamedTuple):
    """K captions an image, best first; T = max_length + 1 leaves room for `<end>`."""

    tokens: tf.Tensor  # int32 [B, K, T], without <start>, with <end>, then <pad>
    token_log_probs: tf.Tensor  # float32 [B, K, T], 0 at <pad>
    scores: tf.Tensor  # float32 [B, K], total log-probability / length ** length_penalty
    attention: tf.Tensor  # float32 [B, K, T, 7, 7]


class _Beams(NamedTuple):
    tokens: tf.Tensor
    token_log_probs: tf.Tensor
    attention: tf.Tensor  # [B, K, T, 49]
    finished: tf.Tensor  # bool [B, K]


def beam_search(
    decoder: Decoder,
    rules: Rules,
    maps: tf.Tensor,
    beam_size: tf.Tensor,
    max_length: tf.Tensor,
    length_penalty: tf.Tensor,
) -> Hypotheses:
    """The `beam_size` most probable captions of feature maps float32 [B, 49, 2048].

    Hypotheses compete by total log-probability; a finished one keeps its place until better
    ones push it out. Only what `rules` allow is ever written, and only `<end>` may follow
    `max_length` words, so that every caption is complete. At the end they are ranked by total /
    length ** length_penalty, where the length counts `<end>` (Wu et al. 2016, section 7, with
    the simpler normaliser of Xu et al.'s code).
    """
    memory = decoder.remember(maps, training=False)
    memory = {name: tf.repeat(each, beam_size, axis=0) for name, each in memory.items()}
    state = decoder.initial_state(memory)
    beams = _first_beams(tf.shape(maps)[0], beam_size, max_length + 1)
    total = tf.concat([[0.0], tf.fill([beam_size - 1], -float("inf"))], axis=0)
    total = tf.repeat(total[tf.newaxis], tf.shape(maps)[0], axis=0)
    last = tf.fill([tf.size(total)], START)

    for step in tf.range(max_length + 1):
        if tf.reduce_all(beams.finished):
            break
        outputs, state, attention = decoder.step(last, state, memory)
        log_probs = tf.nn.log_softmax(decoder.logits(outputs))
        log_probs = tf.reshape(log_probs, [*tf.unstack(tf.shape(total)), -1])
        before = tf.reshape(last, tf.shape(total))
        log_probs += next_words(rules, beams.tokens, before, step, max_length)
        total, parent, word, gained = _extend(total, log_probs, beams.finished)
        beams = _grow(beams, step, parent, word, gained, attention)
        last = tf.reshape(word, [-1])
        state = tuple(_choose_flat(each, parent) for each in state)
    return _ranked(beams, total, length_penalty)


def _first_beams(images: tf.Tensor, beam_size: tf.Tensor, length: tf.Tensor) -> _Beams:
    shape = tf.stack([images, beam_size, length])
    return _Beams(
        tokens=tf.fill(shape, PAD),
        token_log_probs=tf.zeros(shape),
        attention=tf.zeros([images, beam_size, length, GRID_SIDE * GRID_SIDE]),
        finished=tf.zeros(shape[:2], tf.bool),
    )


def _extend(
    total: tf.Tensor, log_probs: tf.Tensor, finished: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """The best K of K x V continuations: totals, parents, words and their log-probs [B, K]."""
    words = tf.shape(log_probs)[-1]
    rest = tf.where(tf.range(words) == PAD, 0.0, -float("inf"))
    log_probs = tf.where(finished[..., tf.newaxis], rest, log_probs)
    candidates = tf.reshape(total[..., tf.newaxis] + log_probs, [tf.shape(total)[0], -1])
    best, index = tf.math.top_k(candidates, tf.shape(total)[1])
    gained = tf.gather(tf.reshape(log_probs, tf.shape(candidates)), index, batch_dims=1)
    return best, index // words, index % words, gained


def _grow(
    beams: _Beams,
    step: tf.Tensor,
    parent: tf.Tensor,
    word: tf.Tensor,
    gained: tf.Tensor,
    attention: tf.Tensor,
) -> _Beams:
    """Each beam takes over its parent's past and writes this step."""
    tokens, token_log_probs, past, finished = (
        tf.gather(each, parent, batch_dims=1) for each in beams
    )
    looked = tf.gather(tf.reshape(attention, tf.shape(past[:, :, 0])), parent, batch_dims=1)
    looked = tf.where(finished[..., tf.newaxis], 0.0, looked)
    now = tf.range(tf.shape(tokens)[2]) == step
    return _Beams(
        tokens=tf.where(now, word[..., tf.newaxis], tokens),
        token_log_probs=tf.where(now, gained[..., tf.newaxis], token_log_probs),
        attention=tf.where(now[:, tf.newaxis], looked[:, :, tf.newaxis], past),
        finished=finished | (word == END),
    )


def _choose_flat(each: tf.Tensor, parent: tf.Tensor) -> tf.Tensor:
    """Rows of [B * K, ...] by their beam's parent [B, K]."""
    images, beam_size = tf.unstack(tf.shape(parent))
    flat = tf.reshape(tf.range(images)[:, tf.newaxis] * beam_size + parent, [-1])
    return tf.gather(each, flat)


def _ranked(beams: _Beams, total: tf.Tensor, length_penalty: tf.Tensor) -> Hypotheses:
    lengths = tf.reduce_sum(tf.cast(beams.tokens != PAD, tf.float32), axis=-1)
    scores, order = tf.math.top_k(total / lengths**length_penalty, tf.shape(total)[1])
    tokens, token_log_probs, attention = (
        tf.gather(each, order, batch_dims=1) for each in beams[:3]
    )
    grid = tf.concat([tf.shape(tokens), [GRID_SIDE, GRID_SIDE]], axis=0)
    return Hypotheses(tokens, token_log_probs, scores, tf.reshape(attention, grid))
