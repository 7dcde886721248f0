"""The tutorials' way: Keras `predict` for every word of every beam, the prefix read anew.

ResNet50, an LSTM of 512 units and our vocabulary, with random weights, which take the same time as
trained ones; ten words are written, as ours have.
"""

import os
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np

from benchmarks.compare.servers.common import ARTIFACT, pixels
from benchmarks.compare.servers.http import serve

BEAM_SIZE, WORDS, LENGTH = 3, 10, 20


def models() -> tuple[keras.Model, keras.Model]:
    """The encoder, pixels to a vector, and the decoder, that and a prefix to the next word."""
    encoder = keras.applications.ResNet50(weights=None, include_top=False, pooling="avg")
    vocabulary = len((ARTIFACT / "vocabulary.txt").read_text(encoding="utf-8").splitlines())
    features, prefix = keras.Input((2048,)), keras.Input((LENGTH,))
    image = keras.layers.Dense(512, activation="relu")(features)
    words = keras.layers.Embedding(vocabulary, 512, mask_zero=True)(prefix)
    both = keras.layers.add([image, keras.layers.LSTM(512)(words)])
    hidden = keras.layers.Dense(512, activation="relu")(both)
    output = keras.layers.Dense(vocabulary, activation="softmax")(hidden)
    return encoder, keras.Model([features, prefix], output)


class Tutorial:
    def __init__(self) -> None:
        self.encoder, self.decoder = models()

    def caption(self, data: bytes) -> str:
        photo = keras.applications.resnet50.preprocess_input(pixels(data)[None].astype(np.float32))
        features = self.encoder.predict(photo, verbose=0)
        beams: list[tuple[float, list[int]]] = [(0.0, [1])]
        for _ in range(WORDS):
            beams = self._extended(features, beams)
        return " ".join(map(str, beams[0][1]))

    def _extended(self, features: Any, beams: list[tuple[float, list[int]]]) -> Any:
        candidates = []
        for score, words in beams:
            prefix = keras.utils.pad_sequences([words], maxlen=LENGTH, padding="post")
            (following,) = self.decoder.predict([features, prefix], verbose=0)
            for word in np.argsort(following)[-BEAM_SIZE:]:
                candidates.append((score + float(np.log(following[word])), [*words, int(word)]))
        return sorted(candidates, reverse=True)[:BEAM_SIZE]


if __name__ == "__main__":
    serve(Tutorial().caption)
