"""The decoders' one interface.

A decoder turns feature maps into a *memory* once per image, and then predicts one word after
another. Training reads whole captions (`forced`), the beam search single words (`step`).
"""

from abc import abstractmethod
from typing import ClassVar

import keras
import tensorflow as tf

from training.config import DecoderConfig
from training.models.precision import full

Memory = dict[str, tf.Tensor]  # leading dimension: images, or captions once repeated
State = tuple[tf.Tensor, ...]  # leading dimension: captions


class Decoder(keras.Model):
    """Feature maps to the probabilities of the next word."""

    tags: int = 0  # how many of the tag head's outputs it reads
    attends: ClassVar[bool]  # whether its attention means anything
    evidence: ClassVar[tuple[str, ...]] = ()  # the entries of a memory that `logits` reads

    def __init__(self, config: DecoderConfig, vocabulary_size: int, cells: int) -> None:
        super().__init__(name=config.architecture)
        self.cells = cells  # of the encoder's square grid
        # Tied to the output, an embedding is small; as an input it must weigh as much as the
        # image, so it is scaled up (Vaswani et al. 2017, section 3.4).
        self.embedding_scale = config.units**0.5
        self.embedding = self.add_weight(
            name="embedding",
            shape=(vocabulary_size, config.units),
            initializer=keras.initializers.RandomNormal(stddev=config.units**-0.5),
        )
        self.output_bias = self.add_weight(
            name="output_bias", shape=(vocabulary_size,), initializer="zeros"
        )

    @abstractmethod
    def remember(
        self, maps: tf.Tensor | None, training: bool, tags: tf.Tensor | None = None
    ) -> Memory:
        """What decoding needs of feature maps float32 [B, cells, channels].

        `tags` float32 [B, T] are the tag head's raw outputs, objects first, then words; columns
        beyond the decoder's T are ignored. Only a decoder that reads tags takes no maps (None):
        its captions have no photo. Raises ValueError for what the decoder cannot do without.
        """

    def share(self, memory: Memory, captions: int | tf.Tensor) -> Memory:
        """The memory that `step` and `logits` read for so many captions an image.

        The captions of an image are rows that follow each other. A decoder that can let them look
        at one row of the memory returns it as it is; here each gets a row of its own.
        """
        return {name: tf.repeat(each, captions, axis=0) for name, each in memory.items()}

    @abstractmethod
    def initial_state(self, memory: Memory) -> State:
        """The state before `<start>` is read."""

    @abstractmethod
    def forced(self, tokens: tf.Tensor, memory: Memory, training: bool) -> tf.Tensor:
        """Teacher forcing: outputs [N, T, units] after each of tokens int32 [N, T]."""

    @abstractmethod
    def step(
        self, tokens: tf.Tensor, state: State, memory: Memory
    ) -> tuple[tf.Tensor, State, tf.Tensor]:
        """Outputs [N, units], new state and attention [N, cells] after one more token int32 [N].

        Attention sums to at most 1; a decoder that does not attend gives zeros.
        """

    def sharpen(self, temperature: float) -> None:
        """Divide the logits of all that comes by a temperature."""
        self.output_bias.assign(self.output_bias / temperature)
        for weight in self.output_weights():
            weight.assign(weight / temperature)

    def freeze_words(self) -> None:
        """Train everything but the words' vectors and biases.

        Adam would push those of the thousands of words that sampled captions do not hold, whose
        gradients are tiny but all alike, as hard as any others, and flatten the distribution.
        """
        self.embedding.trainable = False
        self.output_bias.trainable = False

    @abstractmethod
    def output_weights(self) -> list[keras.Variable]:
        """Those that scaled by a factor scale the outputs by it."""

    def embed(self, tokens: tf.Tensor) -> tf.Tensor:
        """Vectors [..., units] of token ids int32 [...]."""
        vectors = tf.gather(self.embedding, tokens) * self.embedding_scale
        return tf.cast(vectors, self.compute_dtype)

    def logits(self, outputs: tf.Tensor, memory: Memory) -> tf.Tensor:
        """Scores float32 [..., V] of outputs; the embedding is tied (Press and Wolf 2017).

        `memory` has one row a row of the outputs, or is shared; only its entries named in
        `evidence` are read.
        """
        embedding = tf.cast(self.embedding, outputs.dtype)
        scores = tf.matmul(outputs, embedding, transpose_b=True)
        return tf.cast(scores, tf.float32) + full(self.output_bias)

    def call(
        self,
        maps: tf.Tensor,
        tokens: tf.Tensor,
        training: bool = False,
        tags: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Teacher-forced logits [B, T, V], one caption an image; builds every weight."""
        memory = self.remember(maps, training, tags)
        return self.logits(self.forced(tokens, memory, training), memory)
