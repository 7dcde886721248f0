"""The reward's second part: a caption shall name what is in the photo, and nothing else.

CIDEr hardly minds a wrong object among right words; people do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.data.lexicons.objects import objects_named
from training.data.text import END, SPECIAL_WORDS


@dataclass(frozen=True)
class ObjectReward:
    labels: Mapping[str, Sequence[str]]  # the objects in each labelled photo
    bonus: float  # for naming one or more of them
    penalty: float  # for each object named that is not among them

    def score(self, name: str, caption: Sequence[str]) -> float:
        """Of a tokenised caption of the photo `name`; 0 if its objects are not known."""
        if name not in self.labels:
            return 0.0
        there = set(self.labels[name])
        named = objects_named([word for word in caption if word != SPECIAL_WORDS[END]])
        return self.bonus * bool(named & there) - self.penalty * len(named - there)
