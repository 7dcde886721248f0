"""Words that no caption, or no caption of this photo, may hold.

Blocked words are never written. Words that tell a person's gender are written only where the
photo shows it: the gender head gives the probabilities that people's captions of the photo
mention a man and a woman, and below a threshold chosen on dev the words are masked, so that the
search says "person" instead. With `people` = 1 they are always masked, with 2 never, which
measures what the thresholds cost.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

Mask = npt.NDArray[np.bool_]

SEEN, NEUTRAL, UNMASKED = 0, 1, 2  # values of the signature's `people`; no service passes 2


class PeopleWords(NamedTuple):
    """Token ids by what they tell, as masks bool [V], and when they may be written."""

    male: Mask  # pronouns included
    female: Mask
    least_male: float  # probability below which no word of `male` is written
    least_female: float


def forbidden_words(
    blocked: Mask, people_words: PeopleWords, genders: tf.Tensor, people: tf.Tensor
) -> tf.Tensor:
    """Which words are forbidden in each photo's captions: bool [B, V].

    `genders` float32 [B, 2] are the probabilities of a man and of a woman, and `people` a scalar
    int32, `SEEN`, `NEUTRAL` or `UNMASKED`.
    """
    neutral, seen = people == NEUTRAL, people == SEEN
    male = (seen & (genders[:, :1] < people_words.least_male)) | neutral
    female = (seen & (genders[:, 1:] < people_words.least_female)) | neutral
    return blocked | (male & people_words.male) | (female & people_words.female)
