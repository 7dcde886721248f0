"""Beam search inside the TensorFlow graph, batched over images and beams.

The loop is written as `tf.while_loop`, whose body other runtimes can optimise: what AutoGraph
makes of `for` and `break` hides the weights in conditionals.
"""

from math import isqrt
from typing import NamedTuple

import tensorflow as tf

from training.data.text import END, PAD, START
from training.models.decoder import Decoder, State
from training.search.rules import Rules, words_by_past, words_by_step


class Hypotheses(NamedTuple):
    """K captions an image, best first; T = max_length + 1 leaves room for `<end>`."""

    tokens: tf.Tensor  # int32 [B, K, T], without <start>, with <end>, then <pad>
    token_log_probs: tf.Tensor  # float32 [B, K, T], 0 at <pad>
    scores: tf.Tensor  # float32 [B, K], total log-probability / length ** length_penalty
    attention: tf.Tensor  # float32 [B, K, T, grid, grid]


BLOCK = 64  # words of the vocabulary whose maximum is taken first


class _Beams(NamedTuple):
    """K captions an image that are being written."""

    tokens: tf.Tensor  # [B, K, T]
    token_log_probs: tf.Tensor  # [B, K, T]
    attention: tf.Tensor  # [B, K, T, cells]
    total: tf.Tensor  # [B, K]: log-probability
    before: tf.Tensor  # [B, K]: the last word but one, or <start>
    last: tf.Tensor  # [B, K]: the last word, or <start>

    def finished(self) -> tf.Tensor:
        """Which captions are complete, bool [B, K]: padding follows their `<end>`."""
        return (self.last == END) | (self.last == PAD)


def beam_search(
    decoder: Decoder,
    rules: Rules,
    maps: tf.Tensor,
    beam_size: int | tf.Tensor,
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

    A step takes little time, and much of it goes into starting operations, so what does not
    change is computed before the loop. A `beam_size` known to Python saves more of them.
    """
    memory = decoder.remember(maps, training=False, tags=tags)
    state = tuple(tf.repeat(each, beam_size, axis=0) for each in decoder.initial_state(memory))
    memory = decoder.share(memory, beam_size)
    beams = _first_beams(tf.shape(maps)[0], beam_size, max_length + 1, decoder.cells)
    # Sums with these masks: a step that looks into a table of booleans converts all of it.
    never = _mask(words_by_step(rules, max_length))
    nowhere = _mask(tf.zeros([1, 1], tf.bool) if forbidden is None else forbidden)
    words = len(rules.dangling)
    choice = _Choice(beam_size, words)
    rows = tf.reshape(tf.range(tf.size(beams.last)), tf.shape(beams.last))
    starts = rows[..., tf.newaxis] * words
    steps = tf.range(max_length + 1)

    def unfinished(step: tf.Tensor, beams: _Beams, state: State) -> tf.Tensor:
        return (step <= max_length) & ~tf.reduce_all(beams.finished())

    def extend(step: tf.Tensor, beams: _Beams, state: State) -> tuple[tf.Tensor, _Beams, State]:
        outputs, state, attention = decoder.step(tf.reshape(beams.last, [-1]), state, memory)
        log_probs = tf.nn.log_softmax(decoder.logits(outputs, memory))
        log_probs = tf.reshape(log_probs, [-1, beam_size, words])
        log_probs += tf.expand_dims(tf.gather(never, step) + nowhere, 1)
        past = words_by_past(rules, beams.tokens, beams.before, beams.last, step < max_length)
        log_probs = _without(tf.reshape(log_probs, [-1]), past, starts)
        log_probs = tf.reshape(log_probs, [-1, beam_size, words])
        total, parent, word, gained = choice.best(beams.total, log_probs, beams.finished())
        attention = tf.reshape(attention, [-1, beam_size, decoder.cells])
        beams = _grow(beams, steps == step, parent, word, gained, attention, total)
        # Rows of [B * K, ...] by their beam's parent.
        flat = tf.reshape(rows[:, :1] + parent, [-1])
        return step + 1, beams, tuple(tf.gather(each, flat) for each in state)

    shapes = (
        tf.TensorShape([]),
        _beam_shapes(decoder.cells),
        tuple(tf.TensorShape([None, *each.shape[1:]]) for each in state),
    )
    first = (tf.constant(0), beams, state)
    _, beams, _ = tf.while_loop(unfinished, extend, first, shape_invariants=shapes)
    return _ranked(beams, length_penalty)


def _mask(forbidden: tf.Tensor) -> tf.Tensor:
    """What to add to log-probabilities: 0, and -inf for what is forbidden."""
    return tf.where(forbidden, -float("inf"), 0.0)


def _beam_shapes(cells: int) -> _Beams:
    return _Beams(
        tokens=tf.TensorShape([None] * 3),
        token_log_probs=tf.TensorShape([None] * 3),
        attention=tf.TensorShape([None, None, None, cells]),
        total=tf.TensorShape([None] * 2),
        before=tf.TensorShape([None] * 2),
        last=tf.TensorShape([None] * 2),
    )


def _first_beams(
    images: tf.Tensor, beam_size: int | tf.Tensor, length: tf.Tensor, cells: int
) -> _Beams:
    shape = tf.stack([images, beam_size, length])
    alone = tf.concat([[0.0], tf.fill([beam_size - 1], -float("inf"))], axis=0)
    return _Beams(
        tokens=tf.fill(shape, PAD),
        token_log_probs=tf.zeros(shape),
        attention=tf.zeros([images, beam_size, length, cells]),
        total=tf.repeat(alone[tf.newaxis], images, axis=0),
        before=tf.fill(shape[:2], START),
        last=tf.fill(shape[:2], START),
    )


def _without(log_probs: tf.Tensor, ids: tf.Tensor, starts: tf.Tensor) -> tf.Tensor:
    """Flat log-probabilities with -inf at the ids int32 [B, K, R] of each beam.

    `starts` int32 [B, K, 1] are where the beams' words begin in the flat tensor.
    """
    places = tf.reshape(starts + ids, [-1, 1])
    nothing = tf.fill(tf.shape(places)[:1], -float("inf"))
    return tf.tensor_scatter_nd_update(log_probs, places, nothing)


class _Choice:
    """The best K of K x V continuations.

    They are in the K blocks of words with the greatest maxima, over all beams of the image, so
    only the words of these have to be sorted. Quotients by constants are looked up: a division of
    integers takes seven operations.
    """

    def __init__(self, beam_size: int | tf.Tensor, words: int) -> None:
        self._beam_size, self._words = beam_size, words
        self._blocks = -(-words // BLOCK)
        block = tf.range(beam_size * self._blocks)
        self._beam_of = block // self._blocks
        self._first_word_of = block % self._blocks * BLOCK
        place = tf.range(beam_size * BLOCK)
        self._slot_of, self._offset_of = place // BLOCK, place % BLOCK
        self._padding = tf.where(tf.range(words) == PAD, 0.0, -float("inf"))

    def best(
        self, total: tf.Tensor, log_probs: tf.Tensor, finished: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Totals, parents, words and their log-probabilities, each [B, K].

        Of totals [B, K] and log-probabilities [B, K, V]; only padding follows what is finished.
        """
        size = self._beam_size
        log_probs = tf.where(tf.expand_dims(finished, -1), self._padding, log_probs)
        unused = [[0, 0], [0, 0], [0, -self._words % BLOCK]]
        padded = tf.pad(log_probs, unused, constant_values=-float("inf"))
        most = tf.reduce_max(tf.reshape(padded, [-1, size, self._blocks, BLOCK]), axis=-1)
        most += tf.expand_dims(total, -1)
        _, blocks = tf.math.top_k(tf.reshape(most, [-1, size * self._blocks]), size)
        likely = tf.gather(
            tf.reshape(padded, [-1, size * self._blocks, BLOCK]), blocks, batch_dims=1
        )
        beam = tf.gather(self._beam_of, blocks)
        sums = likely + tf.expand_dims(tf.gather(total, beam, batch_dims=1), -1)
        best, place = tf.math.top_k(tf.reshape(sums, [-1, size * BLOCK]), size)
        gained = tf.gather(tf.reshape(likely, [-1, size * BLOCK]), place, batch_dims=1)
        block = tf.gather(blocks, tf.gather(self._slot_of, place), batch_dims=1)
        word = tf.gather(self._first_word_of, block) + tf.gather(self._offset_of, place)
        # The padding is no word; it may only come where all words left are forbidden.
        word = tf.minimum(word, self._words - 1)
        return best, tf.gather(self._beam_of, block), word, gained


def _grow(
    beams: _Beams,
    now: tf.Tensor,
    parent: tf.Tensor,
    word: tf.Tensor,
    gained: tf.Tensor,
    attention: tf.Tensor,
    total: tf.Tensor,
) -> _Beams:
    """Each beam takes over its parent's past and writes where it is `now` bool [T]."""
    looked = tf.where(tf.expand_dims(beams.finished(), -1), 0.0, attention)
    tokens, token_log_probs, past, looked, last = (
        tf.gather(each, parent, batch_dims=1) for each in (*beams[:3], looked, beams.last)
    )
    return _Beams(
        tokens=tf.where(now, tf.expand_dims(word, -1), tokens),
        token_log_probs=tf.where(now, tf.expand_dims(gained, -1), token_log_probs),
        attention=tf.where(tf.expand_dims(now, -1), tf.expand_dims(looked, 2), past),
        total=total,
        before=last,
        last=word,
    )


def _ranked(beams: _Beams, length_penalty: tf.Tensor) -> Hypotheses:
    lengths = tf.reduce_sum(tf.cast(beams.tokens != PAD, tf.float32), axis=-1)
    scores, order = tf.math.top_k(beams.total / lengths**length_penalty, tf.shape(lengths)[1])
    tokens, token_log_probs, attention = (
        tf.gather(each, order, batch_dims=1) for each in beams[:3]
    )
    side = isqrt(attention.shape[-1])
    grid = tf.concat([tf.shape(tokens), [side, side]], axis=0)
    return Hypotheses(tokens, token_log_probs, scores, tf.reshape(attention, grid))
