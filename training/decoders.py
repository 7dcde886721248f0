"""The decoders by the name a configuration chooses them with."""

import tensorflow as tf

from training.attention import AdaptiveAttentionDecoder, SoftAttentionDecoder
from training.config import DecoderConfig
from training.decoder import Decoder, PooledDecoder
from training.encoder import CELLS, FEATURES
from training.transformer import TransformerDecoder

DECODERS: dict[str, type[Decoder]] = {
    "lstm": PooledDecoder,
    "soft-attention": SoftAttentionDecoder,
    "attention": AdaptiveAttentionDecoder,
    "transformer": TransformerDecoder,
}


def build_decoder(config: DecoderConfig, vocabulary_size: int) -> Decoder:
    """A new decoder with all its weights made."""
    decoder = DECODERS[config.architecture](config, vocabulary_size)
    decoder(tf.zeros([1, CELLS, FEATURES]), tf.zeros([1, 1], tf.int32))
    return decoder
