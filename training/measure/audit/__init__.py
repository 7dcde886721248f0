"""What a model gets wrong, for whom: one module a question, each pure functions of captions."""

from collections.abc import Mapping, Sequence

Captions = Mapping[str, Sequence[str]]  # by photo: the words of one caption
References = Mapping[str, Sequence[Sequence[str]]]  # by photo: the words of people's captions
