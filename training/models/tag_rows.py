"""What a decoder has learned of its tags, for a decoder that reads other tags."""

import numpy as np

from training.data.tags import PERSON, TagNames
from training.data.text import Vocabulary
from training.models.weights import Weights

KERNEL = "tag/kernel"  # a row for each tag
# What `TagHead.prepare` writes into a decoder, whatever it began with.
PREPARED = ("tag_mean", "tag_deviation", "tag_prior", "word_column", "object_column")


def with_tags(weights: Weights, vocabulary: Vocabulary, tags: TagNames) -> Weights:
    """Weights of a decoder of this vocabulary for one that reads `tags`, if these are others.

    A tag is known by the words whose evidence it is. The rows of tags that the weights do not know
    are zeros: the decoder begins without them and learns what they are worth.
    """
    by_name = {path.partition("/")[2]: path for path in weights}
    if not {KERNEL, *PREPARED} <= by_name.keys():
        return weights  # of a decoder without tags
    kernel = weights[by_name[KERNEL]]
    columns = [
        (tags.object_columns(vocabulary), weights[by_name["object_column"]]),
        (tags.word_columns(vocabulary), weights[by_name["word_column"]]),
    ]
    if len(kernel) == tags.read and all(np.array_equal(new, old) for new, old in columns):
        return weights
    rows = np.zeros((tags.read, kernel.shape[1]), kernel.dtype)
    for new, old in columns:
        known = (new < tags.read) & (old < len(kernel))
        rows[new[known]] = kernel[old[known]]
    # No word is evidence of a person: it is the object that none leads to.
    objects, words = (old for _, old in columns)
    silent = set(range(int(words.min()))) - set(objects.tolist())
    if PERSON in tags.objects and len(silent) == 1:
        rows[tags.objects.index(PERSON)] = kernel[silent.pop()]
    kept = {path: weights[path] for name, path in by_name.items() if name not in PREPARED}
    return kept | {by_name[KERNEL]: rows}
