"""Encoders with random weights, so that no test downloads any."""

import keras
import numpy as np

from training.models.encoder_spec import EncoderSpec


def untrained(spec: EncoderSpec) -> keras.Model:
    """The whole network, its BatchNorm statistics far from trivial."""
    keras.utils.set_random_seed(0)
    model = spec.build(None)
    random = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            (channels,) = layer.gamma.shape
            layer.set_weights(
                [
                    random.uniform(0.5, 1.0, channels),
                    random.normal(0, 0.1, channels),
                    random.normal(0, 0.1, channels),
                    random.uniform(0.5, 2.0, channels),
                ]
            )
    return model
