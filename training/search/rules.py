"""What no caption may do: repeat a trigram, or end on a word that asks for another."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
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
RARELY_TWO = 0.05  # of words that name a thing or people: "a pizza with a pizza on it"
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


def words_said_once(captions: Iterable[Sequence[str]], things: Collection[str] = ()) -> list[str]:
    """Words that next to no tokenised caption holds twice ("cat": "a cat on top of a cat").

    Words for `things`, people among them, may come twice in a few more: people write that of two
    things, the search of one.
    """
    seen: Counter[str] = Counter()
    again: Counter[str] = Counter()
    for caption in captions:
        counts = Counter(caption)
        seen.update(counts.keys())
        again.update(word for word, count in counts.items() if count > 1)
    return sorted(
        word
        for word, count in seen.items()
        if count >= REPEATABLE
        and again[word] < count * (RARELY_TWO if word in things else RARELY_TWICE)
    )


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


def policy_logits(logits: tf.Tensor, forbidden: tf.Tensor) -> tf.Tensor:
    """Logits [N, V] that leave nothing to special words and `forbidden` bool [N, V] ones."""
    never = forbidden | (allowed_words(tf.shape(logits)[-1]) < 0)
    return tf.where(never, -float("inf"), logits)


def words_by_step(rules: Rules, max_length: tf.Tensor) -> tf.Tensor:
    """The words that may not come at each step, whatever was written: bool [max_length + 1, V].

    Only `<end>` may follow `max_length` words, so the word before must not dangle.
    """
    dangling = tf.constant(rules.dangling)
    words = tf.range(tf.size(dangling))
    step = tf.range(max_length + 1)[:, tf.newaxis]
    must_end = (step == max_length) & (words != END)
    would_dangle = (step == max_length - 1) & dangling
    return (allowed_words(tf.size(dangling)) < 0) | must_end | would_dangle


def words_by_past(
    rules: Rules, tokens: tf.Tensor, before: tf.Tensor, last: tf.Tensor, may_go_on: tf.Tensor
) -> tf.Tensor:
    """The words that may not come next after what was written: token ids int32 [B, K, R].

    `tokens` int32 [B, K, T] are what was written, then padding, and `before` and `last` int32
    [B, K] the last two of them, or `<start>`. No trigram may come twice, nor a word that is said
    `once`, and a caption that `may_go_on` does not end on a dangling word. Places that forbid
    nothing are padding.
    """
    end = tf.gather(tf.constant(np.where(rules.dangling, END, PAD).astype(np.int32)), last)
    found = [tf.expand_dims(tf.where(may_go_on, end, PAD), -1)]
    if rules.once is not None:
        found.append(tf.where(tf.gather(tf.constant(rules.once), tokens), tokens, PAD))
    if not rules.repeat_trigrams:
        again = (tokens[:, :, :-2] == tf.expand_dims(before, -1)) & (
            tokens[:, :, 1:-1] == tf.expand_dims(last, -1)
        )
        found.append(tf.where(again, tokens[:, :, 2:], PAD))
    return tf.concat(found, axis=-1)
