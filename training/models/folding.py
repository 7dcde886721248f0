"""BatchNorm merged into the convolutions, for encoders that are not trained from the start, and
taken out again."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

NOTHING_AT_INFERENCE = (keras.layers.BatchNormalization, keras.layers.Dropout)


def fold_batch_norm(model: keras.Model) -> keras.Model:
    """The same function at inference with each BatchNorm merged into the convolution before it.

    At inference BatchNorm is y = gamma * (x - mean) / sqrt(variance + epsilon) + beta
    (Ioffe and Szegedy 2015), which is affine, so it scales the kernel and shifts the bias. A
    convolution without bias gets one; dropout is left out. A model without BatchNorm is returned
    as it is. Raises ValueError for a BatchNorm that no convolution comes before.
    """
    norms = {
        _source(layer).name: layer
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    }
    if not norms:
        return model
    convolutions = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
    for name in norms:
        if not isinstance(model.get_layer(name), convolutions):
            raise ValueError(f"BatchNorm follows {name}, which is no convolution")

    def clone(layer: Any) -> Any:
        config = layer.get_config()
        return type(layer).from_config(config | ({"use_bias": True} if layer.name in norms else {}))

    folded = keras.models.clone_model(model, clone_function=clone, call_function=_skip)
    for layer in model.layers:
        if not layer.weights or isinstance(layer, keras.layers.BatchNormalization):
            continue
        weights = layer.get_weights()
        if norm := norms.get(layer.name):
            weights = _merged(layer, norm)
        folded.get_layer(layer.name).set_weights(weights)
    return folded


def unfold_batch_norm(folded: Mapping[str, Any], whole: keras.Model) -> None:
    """Give a network with BatchNorm the weights of layers, by name, whose convolutions hold theirs.

    The reverse of `fold_batch_norm`: each BatchNorm becomes the identity but for a bias that its
    convolution has no place for. So a weights file that Keras's own network loads can be written.
    """
    for layer in whole.layers:
        if not layer.weights or isinstance(layer, keras.layers.BatchNormalization):
            continue
        weights = folded[layer.name].get_weights()
        layer.set_weights(weights[: len(layer.weights)])
    for norm in (x for x in whole.layers if isinstance(x, keras.layers.BatchNormalization)):
        before = _source(norm)
        given = folded[before.name].get_weights()
        nothing = np.zeros(norm.gamma.shape, np.float32)
        beta = nothing if before.use_bias else given[-1]
        gamma = np.sqrt(nothing + 1 + np.float32(norm.epsilon))
        norm.set_weights([gamma, beta, nothing, nothing + 1])


def _merged(layer: Any, norm: Any) -> list[Any]:
    """Kernel and bias of a convolution with the BatchNorm behind it."""
    kernel, *bias = layer.get_weights()
    gamma, beta, mean, variance = norm.get_weights()
    scale = gamma / np.sqrt(variance + norm.epsilon)
    shift = (bias[0] if bias else 0) - mean
    # A depthwise kernel [height, width, channels, multiplier] has its outputs in two axes.
    depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
    by_output = scale.reshape(kernel.shape[2:]) if depthwise else scale
    return [kernel * by_output, shift * scale + beta]


def _skip(layer: Any, *args: Any, **kwargs: Any) -> Any:
    return args[0] if isinstance(layer, NOTHING_AT_INFERENCE) else layer(*args, **kwargs)


def _source(layer: Any) -> Any:
    return layer.input._keras_history.operation
