"""Weights by name: of a model in memory, and of a SavedModel that was exported."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from training.data.text import Vocabulary

Weights = dict[str, npt.NDArray[np.float32]]

# The weights with a row for each word.
WORDS = ("embedding", "output_bias", "word_scale", "word_column", "object_column")
# The counters of names that Keras makes up: they tell what the process has made before.
_COUNTER = re.compile(r"(?<=layer_normalization)_\d+(?=/)|(?<=/variable)_\d+$")
_ENDING = "/.ATTRIBUTES/VARIABLE_VALUE"


@contextmanager
def downloads(what: str) -> Iterator[None]:
    """Within it, a download of Keras that fails is a ConnectionError that says what to do."""
    try:
        yield
    except Exception as error:
        # Keras raises no narrower one.
        if "URL fetch failure" not in str(error):
            raise
        raise ConnectionError(
            f"the weights of {what} cannot be downloaded; name a file of them instead"
        ) from error


def by_path(weights: Sequence[keras.Variable]) -> dict[str, keras.Variable]:
    """The variables by their paths; of several with the same path, the later ones are counted."""
    named: dict[str, keras.Variable] = {}
    seen: Counter[str] = Counter()
    for weight in weights:
        path = _COUNTER.sub("", weight.path)
        again = seen[path]
        named[f"{path}_{again}" if again else path] = weight
        seen[path] += 1
    return named


def read_saved_model(artifact: Path, group: str) -> Weights:
    """`decoder_weights` or `encoder_weights` of an artifact, without building its graph.

    Raises ValueError if it has none, as an artifact of other software may.
    """
    saved = tf.train.load_checkpoint(str(artifact / "captioner" / "variables" / "variables"))
    start = f"{group}/"
    names = [
        key.removeprefix(start).removesuffix(_ENDING)
        for key in saved.get_variable_to_shape_map()
        if key.startswith(start) and key.endswith(_ENDING)
    ]
    if not names:
        raise ValueError(f"{artifact} holds no {group}; export it with this version")
    # TensorFlow writes a slash within a name as ".S".
    return {
        name.replace(".S", "/"): saved.get_tensor(f"{start}{name}{_ENDING}")
        for name in sorted(names)
    }


def read_dangling(artifact: Path, vocabulary: Vocabulary) -> set[str]:
    """The words that no caption of an artifact may end on."""
    saved = tf.train.load_checkpoint(str(artifact / "captioner" / "variables" / "variables"))
    dangling = saved.get_tensor(f"dangling{_ENDING}")
    return {word for word, each in zip(vocabulary.words, dangling, strict=True) if each}


def fingerprint(weights: Mapping[str, npt.NDArray[np.float32]]) -> str:
    """sha256 of names and values."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(weights[name]).tobytes())
    return digest.hexdigest()


def assign(
    variables: Sequence[keras.Variable],
    weights: Mapping[str, npt.NDArray[np.float32]],
    words: tuple[Vocabulary, Vocabulary] | None = None,
) -> list[str]:
    """Set variables to the weights of the same path; returns the paths that stay as they are.

    `words` are the vocabularies of the weights and of the variables: rows go by their word, a new
    word keeps its fresh vector and gets a middling bias. Raises ValueError where a shape differs.
    """
    fresh = []
    for path, variable in by_path(variables).items():
        if path not in weights:
            fresh.append(path)
            continue
        value = weights[path]
        if words and path.rsplit("/", 1)[-1] in WORDS:
            start = variable.numpy()
            if path.endswith("output_bias"):
                start = np.full_like(start, np.median(value))
            value = _by_word(start, value, *words)
        if variable.shape != value.shape:
            raise ValueError(
                f"{path} has the shape {tuple(variable.shape)} here and {value.shape} there"
            )
        variable.assign(value)
    return fresh


def _by_word(
    fresh: npt.NDArray[np.float32],
    old: npt.NDArray[np.float32],
    old_words: Vocabulary,
    new_words: Vocabulary,
) -> npt.NDArray[np.float32]:
    rows = {word: row for row, word in enumerate(old_words.words)}
    if fresh.shape[1:] != old.shape[1:]:
        return old
    result = fresh.copy()
    for row, word in enumerate(new_words.words):
        if word in rows:
            result[row] = old[rows[word]]
    return result
