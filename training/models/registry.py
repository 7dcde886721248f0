"""The decoders by the name a configuration chooses them with."""

import tensorflow as tf

from training.config import DecoderConfig, Precision
from training.models.attention import AdaptiveAttentionDecoder, SoftAttentionDecoder
from training.models.decoder import Decoder
from training.models.encoder_spec import RESNET50, EncoderSpec
from training.models.lstm import PooledDecoder
from training.models.precision import layers_of
from training.models.tagged import TaggedAttentionDecoder
from training.models.transformer import TransformerDecoder

DECODERS: dict[str, type[Decoder]] = {
    "lstm": PooledDecoder,
    "soft-attention": SoftAttentionDecoder,
    "attention": AdaptiveAttentionDecoder,
    "tagged-attention": TaggedAttentionDecoder,
    "transformer": TransformerDecoder,
}


def build_decoder(
    config: DecoderConfig,
    vocabulary_size: int,
    encoder: EncoderSpec = RESNET50,
    precision: Precision = "float32",
) -> Decoder:
    """A new decoder for the maps of this encoder, with all its weights made."""
    with layers_of(precision):
        decoder = DECODERS[config.architecture](config, vocabulary_size, encoder.cells)
        decoder(tf.zeros([1, *encoder.maps_shape]), tf.zeros([1, 1], tf.int32))
    return decoder
