"""Photos that are not there: their labels and captions are all that is known of them."""

from dataclasses import dataclass, field

from training.data.dataset import Dataset
from training.data.text import tokenize


@dataclass
class AbsentPhoto:
    labels: tuple[str, ...]
    captions: list[list[str]] = field(default_factory=list)  # tokenised


def absent_photos(dataset: Dataset) -> dict[str, AbsentPhoto]:
    """The photos that only the data set's texts tell of, by name."""
    photos: dict[str, AbsentPhoto] = {}
    for text in dataset.texts:
        if tokens := tokenize(text.caption):
            photos.setdefault(text.photo, AbsentPhoto(text.labels)).captions.append(tokens)
    return photos
