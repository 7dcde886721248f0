"""What a run trains: a decoder, and the encoder's last stage if it is fine-tuned."""

from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf

from training.models.decoder import Decoder
from training.models.encoder import encode_stage
from training.models.encoder_spec import RESNET50, EncoderSpec
from training.models.tagger import Tagger


@dataclass(frozen=True)
class Model:
    """Cached maps to the decoder's view of an image.

    The maps are the trunk's if there is a `stage` to run on them, and the whole encoder's if not.
    """

    decoder: Decoder
    stage: keras.Model | None = None
    tagger: Tagger | None = None  # of a decoder that reads tags
    encoder: EncoderSpec = RESNET50  # that the maps are of

    @property
    def maps_spec(self) -> tf.TensorSpec:
        """Of the cached maps it reads: float16 [B, cells, channels]."""
        shape = self.encoder.trunk_shape if self.stage else self.encoder.maps_shape
        return tf.TensorSpec([None, *shape], tf.float16)

    def features(self, maps: tf.Tensor) -> tf.Tensor:
        """Feature maps float32 [B, cells, channels] of cached maps."""
        if self.stage:
            return encode_stage(self.stage, maps, self.encoder)
        return tf.cast(maps, tf.float32)

    def tags(self, features: tf.Tensor) -> tf.Tensor | None:
        """Raw tags float32 [B, T] of feature maps, for a decoder that reads them."""
        return self.tagger(features) if self.tagger else None

    def variables(self) -> list[keras.Variable]:
        """All that is trained, the stage's after the decoder's."""
        stage = self.stage.trainable_variables if self.stage else []
        return [*self.decoder.trainable_variables, *stage]

    def save(self, weights: Path, stage: Path) -> None:
        """Write the weights files, whole or not at all."""
        _replace(self.decoder, weights)
        if self.stage:
            _replace(self.stage, stage)


def _replace(model: keras.Model, path: Path) -> None:
    # Keras insists on the ending.
    new = path.with_name(f"new-{path.name}")
    model.save_weights(new)
    new.replace(path)
