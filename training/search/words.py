"""Words that no caption, or no caption of this photo, may hold.

Blocked words are never written. Words that tell a person's gender are written only where the
photo shows it: the gender head gives the probabilities that people's captions of the photo
mention a man and a woman, and below thresholds chosen on dev the words are masked, so that the
search says "person" or "child" instead. Words of children have thresholds of their own, which may
be lower than those of adults. With `people` = 1 all are always masked, with 2 never, which measures
what the thresholds cost.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

Mask = npt.NDArray[np.bool_]

SEEN, NEUTRAL, UNMASKED = 0, 1, 2  # values of the signature's `people`; no service passes 2


class Thresholds(NamedTuple):
    """Probabilities of a man, or of a woman, below which words are masked.

    Those of children are never above those of adults: where "boy" is masked, "man" is, too.
    """

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
    blocked: Mask, people_words: PeopleWords, genders: tf.Tensor, people: tf.Tensor
) -> tf.Tensor:
    """Which words are forbidden in each photo's captions: bool [B, V].

    `genders` float32 [B, 2] are the probabilities of a man and of a woman, and `people` a scalar
    int32, `SEEN`, `NEUTRAL` or `UNMASKED`.
    """
    neutral, seen = people == NEUTRAL, people == SEEN
    man, woman = genders[:, :1], genders[:, 1:]
    *masks, thresholds = people_words
    forbidden = tf.constant(blocked)
    for mask, probability, least in zip(masks, (man, woman) * 2, thresholds, strict=True):
        forbidden |= ((seen & (probability < least)) | neutral) & mask
    return forbidden
