"""What no caption may do: repeat a trigram, or end on a word that asks for another."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from training.data.text import END, PAD, START, UNK, Vocabulary

# A word is judged by where it stands if it is this share of all words, and has this many
# occurrences: among fewer, chance alone keeps many a noun from the end.
FREQUENT = 0.0006
OCCURRENCES = 50
RARELY_LAST = 0.007
REPEATABLE = 20  # captions before we judge whether a word comes twice
RARELY_TWICE = 0.02
ONCE = "once.txt"


class Rules(NamedTuple):
    """The decode-time rules of the beam search."""

    dangling: npt.NDArray[np.bool_]  # [V]: words that no caption may end on, and <start>
    repeat_trigrams: bool = False
    once: npt.NDArray[np.bool_] | None = None  # [V]: words that no caption may hold twice


def no_rules(words: int) -> Rules:
    """The plain beam search over a vocabulary of `words`."""
    return Rules(np.zeros(words, np.bool_), repeat_trigrams=True)


def dangling_words(captions: Iterable[Sequence[str]]) -> list[str]:
    """Frequent words that next to none of the tokenised captions end on ("a", "wearing")."""
    seen: Counter[str] = Counter()
    last: Counter[str] = Counter()
    for caption in captions:
        seen.update(caption)
        last.update(caption[-1:])
    least = max(OCCURRENCES, FREQUENT * seen.total())
    return sorted(w for w, n in seen.items() if n >= least and last[w] < n * RARELY_LAST)


def words_said_once(captions: Iterable[Sequence[str]]) -> list[str]:
    """Words that next to no tokenised caption holds twice ("cat": "a cat on top of a cat")."""
    seen: Counter[str] = Counter()
    again: Counter[str] = Counter()
    for caption in captions:
        counts = Counter(caption)
        seen.update(counts.keys())
        again.update(word for word, count in counts.items() if count > 1)
    return sorted(w for w, n in seen.items() if n >= REPEATABLE and again[w] < n * RARELY_TWICE)


def load_rules(path: Path, vocabulary: Vocabulary) -> Rules:
    """The rules for dangling words listed in a file, one a line.

    A file `once.txt` beside it lists the words that no caption may hold twice.
    """
    dangling = set(path.read_text(encoding="utf-8").split())
    listed = path.with_name(ONCE)
    once = set(listed.read_text(encoding="utf-8").split()) if listed.is_file() else None
    words = vocabulary.words
    return Rules(
        np.array([i == START or word in dangling for i, word in enumerate(words)]),
        once=None if once is None else np.array([word in once for word in words]),
    )


def has_repeated_trigram(caption: str) -> bool:
    words = caption.split()
    trigrams = list(zip(words, words[1:], words[2:], strict=False))
    return len(set(trigrams)) < len(trigrams)


def allowed_words(words: tf.Tensor) -> tf.Tensor:
    """0 for what may stand in a caption, -inf for the other special words: float32 [V]."""
    ids = tf.range(words)
    return tf.where((ids != PAD) & (ids != START) & (ids != UNK), 0.0, -float("inf"))


def next_words(
    rules: Rules, tokens: tf.Tensor, last: tf.Tensor, step: tf.Tensor, max_length: tf.Tensor
) -> tf.Tensor:
    """0 for the words that may come next, -inf for the others: float32 [B, K, V].

    `tokens` int32 [B, K, T] are what was written before `step`, then padding, and `last` int32
    [B, K] the last of them, or `<start>`. Only `<end>` may follow `max_length` words, so the
    word before must not dangle; and no trigram may come twice.
    """
    dangling = tf.constant(rules.dangling)
    is_end = tf.range(tf.size(dangling)) == END
    must_end = (step == max_length) & ~is_end
    would_dangle = (step == max_length - 1) & dangling
    ends_dangling = tf.gather(dangling, last)[..., tf.newaxis] & is_end & (step < max_length)
    forbidden = must_end | would_dangle | ends_dangling
    scores = tf.where(forbidden, -float("inf"), allowed_words(tf.size(dangling)))
    return scores if rules.repeat_trigrams else _without_repeats(scores, tokens, step)


def _without_repeats(scores: tf.Tensor, tokens: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
    """Forbid every word that followed an earlier occurrence of the last two."""
    before, last = tokens[:, :, tf.maximum(step - 2, 0)], tokens[:, :, tf.maximum(step - 1, 0)]
    again = (tokens[:, :, :-2] == before[..., tf.newaxis]) & (
        tokens[:, :, 1:-1] == last[..., tf.newaxis]
    )
    # What is not there yet is padding, which is forbidden anyway.
    third = tf.where(again, tokens[:, :, 2:], PAD)
    images, beams, words = tf.unstack(tf.shape(scores))
    rows = tf.repeat(tf.range(images * beams), tf.shape(third)[-1])
    places = tf.stack([rows, tf.reshape(third, [-1])], axis=-1)
    flat = tf.reshape(scores, [-1, words])
    forbidden = tf.fill([tf.shape(places)[0]], -float("inf"))
    return tf.reshape(tf.tensor_scatter_nd_update(flat, places, forbidden), tf.shape(scores))
