"""The decoders by the name a configuration chooses them with."""

import tensorflow as tf

from training.config import DecoderConfig
from training.models.attention import AdaptiveAttentionDecoder, SoftAttentionDecoder
from training.models.decoder import Decoder
from training.models.encoder import CELLS, FEATURES
from training.models.lstm import PooledDecoder
from training.models.tagged import TaggedAttentionDecoder
from training.models.transformer import TransformerDecoder

DECODERS: dict[str, type[Decoder]] = {
    "lstm": PooledDecoder,
    "soft-attention": SoftAttentionDecoder,
    "attention": AdaptiveAttentionDecoder,
    "tagged-attention": TaggedAttentionDecoder,
    "transformer": TransformerDecoder,
}


def build_decoder(config: DecoderConfig, vocabulary_size: int) -> Decoder:
    """A new decoder with all its weights made."""
    decoder = DECODERS[config.architecture](config, vocabulary_size)
    decoder(tf.zeros([1, CELLS, FEATURES]), tf.zeros([1, 1], tf.int32))
    return decoder
