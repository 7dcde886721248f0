"""Words that no caption, or no caption of this photo, may hold.

Blocked words are never written. Words that tell a person's gender are written only where the
photo shows it: heads say how clearly it shows a man, a woman, a boy and a girl, and below
thresholds chosen on dev the words of each are masked, so that the search says "person" or "child"
instead. With `people` = 1 all are always masked, with 2 never, which measures what the thresholds
cost.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

Mask = npt.NDArray[np.bool_]

SEEN, NEUTRAL, UNMASKED = 0, 1, 2  # values of the signature's `people`; no service passes 2


class Thresholds(NamedTuple):
    """How clearly a photo must show whom words tell of, from 0 to 1; below, they are masked."""

    male: float  # words of men, and male pronouns
    female: float
    boy: float
    girl: float


class PeopleWords(NamedTuple):
    """Token ids by whom they tell of, as masks bool [V], and when they may be written."""

    male: Mask  # pronouns included
    female: Mask
    boy: Mask
    girl: Mask
    thresholds: Thresholds


def forbidden_words(
    blocked: Mask, people_words: PeopleWords, seen: tf.Tensor, people: tf.Tensor
) -> tf.Tensor:
    """Which words are forbidden in each photo's captions: bool [B, V].

    `seen` float32 [B, 4] says how clearly each photo shows whom the thresholds are of, and
    `people` is a scalar int32, `SEEN`, `NEUTRAL` or `UNMASKED`.
    """
    *masks, thresholds = people_words
    hidden = ((seen < tf.stack(thresholds)) & (people == SEEN)) | (people == NEUTRAL)
    forbidden = tf.constant(blocked)
    for mask, each in zip(masks, tf.unstack(hidden[:, tf.newaxis], axis=-1), strict=True):
        forbidden |= each & mask
    return forbidden
