"""Beam search inside the TensorFlow graph, batched over images and beams.

The loop is written as `tf.while_loop`, whose body other runtimes can optimise: what AutoGraph
makes of `for` and `break` hides the weights in conditionals.
"""

from math import isqrt
from typing import Any, NamedTuple

import tensorflow as tf

from training.data.text import END, PAD, START
from training.models.decoder import Decoder, State
from training.search.rules import Rules, forbidden_next


class Hypotheses(NamedTuple):
    """K captions an image, best first; T = max_length + 1 leaves room for `<end>`."""

    tokens: tf.Tensor  # int32 [B, K, T], without <start>, with <end>, then <pad>
    token_log_probs: tf.Tensor  # float32 [B, K, T], 0 at <pad>
    scores: tf.Tensor  # float32 [B, K], total log-probability / length ** length_penalty
    attention: tf.Tensor  # float32 [B, K, T, grid, grid]


BLOCK = 16  # words of the vocabulary whose maximum is taken first


class _Beams(NamedTuple):
    tokens: tf.Tensor
    token_log_probs: tf.Tensor
    attention: tf.Tensor  # [B, K, T, cells]
    finished: tf.Tensor  # bool [B, K]


def _beam_shapes(cells: int) -> _Beams:
    return _Beams(
        tokens=tf.TensorShape([None] * 3),
        token_log_probs=tf.TensorShape([None] * 3),
        attention=tf.TensorShape([None, None, None, cells]),
        finished=tf.TensorShape([None] * 2),
    )


def beam_search(
    decoder: Decoder,
    rules: Rules,
    maps: tf.Tensor,
    beam_size: tf.Tensor,
    max_length: tf.Tensor,
    length_penalty: tf.Tensor,
    tags: tf.Tensor | None = None,
    forbidden: tf.Tensor | None = None,
) -> Hypotheses:
    """The `beam_size` most probable captions of feature maps float32 [B, cells, channels].

    `tags` float32 [B, T] are for a decoder that reads them.

    Hypotheses compete by total log-probability; a finished one keeps its place until better
    ones push it out. Only what `rules` allow is ever written, and no word that `forbidden`
    bool [B, V] names for the image. Only `<end>` may follow `max_length` words, so that every
    caption is complete. At the end they are ranked by total / length ** length_penalty, where
    the length counts `<end>` (Wu et al. 2016, section 7, with the simpler normaliser of Xu et
    al.'s code).
    """
    memory = decoder.remember(maps, training=False, tags=tags)
    state = tuple(tf.repeat(each, beam_size, axis=0) for each in decoder.initial_state(memory))
    memory = decoder.share(memory, beam_size)
    beams = _first_beams(tf.shape(maps)[0], beam_size, max_length + 1, decoder.cells)
    total = tf.concat([[0.0], tf.fill([beam_size - 1], -float("inf"))], axis=0)
    total = tf.repeat(total[tf.newaxis], tf.shape(maps)[0], axis=0)
    last = tf.fill([tf.size(total)], START)
    if forbidden is None:
        forbidden = tf.zeros([1, 1], tf.bool)

    def unfinished(step: tf.Tensor, beams: _Beams, *rest: Any) -> tf.Tensor:
        return (step <= max_length) & ~tf.reduce_all(beams.finished)

    def extend(
        step: tf.Tensor, beams: _Beams, total: tf.Tensor, last: tf.Tensor, state: State
    ) -> tuple[Any, ...]:
        outputs, state, attention = decoder.step(last, state, memory)
        log_probs = tf.nn.log_softmax(decoder.logits(outputs, memory))
        log_probs = tf.reshape(log_probs, [*tf.unstack(tf.shape(total)), log_probs.shape[-1]])
        before = tf.reshape(last, tf.shape(total))
        never = forbidden_next(rules, beams.tokens, before, step, max_length, forbidden)
        log_probs = tf.where(never, -float("inf"), log_probs)
        total, parent, word, gained = _extend(total, log_probs, beams.finished)
        beams = _grow(beams, step, parent, word, gained, attention)
        state = tuple(_choose_flat(each, parent) for each in state)
        return step + 1, beams, total, tf.reshape(word, [-1]), state

    first = (tf.constant(0), beams, total, last, state)
    state_shapes = tuple(tf.TensorShape([None, *each.shape[1:]]) for each in state)
    shapes = (
        tf.TensorShape([]),
        _beam_shapes(decoder.cells),
        tf.TensorShape([None] * 2),
        tf.TensorShape([None]),
        state_shapes,
    )
    _, beams, total, _, _ = tf.while_loop(unfinished, extend, first, shape_invariants=shapes)
    return _ranked(beams, total, length_penalty)


def _first_beams(images: tf.Tensor, beam_size: tf.Tensor, length: tf.Tensor, cells: int) -> _Beams:
    shape = tf.stack([images, beam_size, length])
    return _Beams(
        tokens=tf.fill(shape, PAD),
        token_log_probs=tf.zeros(shape),
        attention=tf.zeros([images, beam_size, length, cells]),
        finished=tf.zeros(shape[:2], tf.bool),
    )


def _extend(
    total: tf.Tensor, log_probs: tf.Tensor, finished: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """The best K of K x V continuations: totals, parents, words and their log-probs [B, K]."""
    rest = tf.where(tf.range(tf.shape(log_probs)[-1]) == PAD, 0.0, -float("inf"))
    log_probs = tf.where(finished[..., tf.newaxis], rest, log_probs)
    # A beam can place no more than K among the best K.
    gained, words = _top_words(log_probs, tf.shape(total)[1])
    width = tf.shape(words)[-1]
    flat = [tf.shape(total)[0], -1]
    best, index = tf.math.top_k(
        tf.reshape(total[..., tf.newaxis] + gained, flat), tf.shape(total)[1]
    )
    word, gained = (
        tf.gather(tf.reshape(each, flat), index, batch_dims=1) for each in (words, gained)
    )
    return best, index // width, word, gained


def _top_words(log_probs: tf.Tensor, count: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """As `tf.math.top_k` of float32 [B, K, V], but no more than V.

    The best `count` words are in the `count` blocks of words with the greatest maxima, so only
    the words of these have to be sorted.
    """
    words = log_probs.shape[-1]
    padding = [[0, 0], [0, 0], [0, -words % BLOCK]]
    padded = tf.pad(log_probs, padding, constant_values=-float("inf"))
    size = tf.shape(log_probs)
    grid = tf.reshape(padded, [size[0], size[1], -(-words // BLOCK), BLOCK])
    _, blocks = tf.math.top_k(tf.reduce_max(grid, axis=-1), tf.minimum(count, -(-words // BLOCK)))
    likely = tf.gather(grid, blocks, batch_dims=2)
    likely = tf.reshape(likely, [size[0], size[1], -1])
    best, place = tf.math.top_k(likely, tf.minimum(count, words))
    block = tf.gather(blocks, place // BLOCK, batch_dims=2)
    # The padding is no word; it may only come where all words left are forbidden.
    return best, tf.minimum(block * BLOCK + place % BLOCK, words - 1)


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
    side = isqrt(attention.shape[-1])
    grid = tf.concat([tf.shape(tokens), [side, side]], axis=0)
    return Hypotheses(tokens, token_log_probs, scores, tf.reshape(attention, grid))
