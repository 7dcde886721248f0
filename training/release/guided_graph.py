"""The exported graph of a model with tags: pixels to captions that are ranked by the photo."""

import tensorflow as tf

from training.models.decoder import Decoder
from training.models.encoder import Encoder, encode
from training.models.tagger import Tagger
from training.release.half import HalfWeights
from training.search.guided import Guide, guided_search
from training.search.rules import Rules

OPTIONS = [
    tf.TensorSpec([], tf.int32, name="beam_size"),
    tf.TensorSpec([], tf.int32, name="max_length"),
    tf.TensorSpec([], tf.float32, name="length_penalty"),
    tf.TensorSpec([], tf.int32, name="people"),
]


def guided_module(
    encoder: Encoder, decoder: Decoder, rules: Rules, guide: Guide, tagger: Tagger
) -> tf.Module:
    """Pixels to captions as functions over plain variables.

    `caption` is the contract's signature, with the input `people` and the output `confidence`.
    `encode`, the weights by name and what the search reads are for whoever checks it by other
    means, or goes on training from it.
    """
    encoder_weights = HalfWeights(encoder.weights)
    decoder_weights = HalfWeights(decoder.weights)
    side = encoder.spec.side
    pixels = tf.TensorSpec([None, side, side, 3], tf.uint8, name="images")

    @tf.function(input_signature=[pixels, *OPTIONS])
    def caption(
        images: tf.Tensor,
        beam_size: tf.Tensor,
        max_length: tf.Tensor,
        length_penalty: tf.Tensor,
        people: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        with encoder_weights.used():
            maps = encode(encoder, images)
        with decoder_weights.used():
            found = guided_search(
                decoder,
                rules,
                guide,
                maps,
                tagger(maps),
                beam_size,
                max_length,
                length_penalty,
                people,
            )._asdict()
        del found["signals"]
        return found

    @tf.function(input_signature=[pixels])
    def encode_images(images: tf.Tensor) -> tf.Tensor:
        with encoder_weights.used():
            return encode(encoder, images)

    module = tf.Module(name="captioner")
    module.caption = caption
    module.encode = encode_images
    module.decoder_weights = decoder_weights.by_path()
    module.encoder_weights = encoder_weights.by_path()
    module.tagger = tagger
    module.tagger_of = tf.function(
        tagger, input_signature=[tf.TensorSpec([None, *encoder.spec.maps_shape], tf.float32)]
    )
    module.dangling = tf.Variable(rules.dangling, trainable=False)
    module.blocked = tf.Variable(guide.blocked, trainable=False)
    return module
