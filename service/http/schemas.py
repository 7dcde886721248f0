"""The JSON of the API."""

from typing import Literal

from pydantic import BaseModel, Field

from service.engine.captions import Attention, Beam, Captions, Device, Engine, assess
from service.engine.images import Photo
from service.engine.manifest import Manifest, SearchOptions
from service.http.readiness import State

ATTENTION_DIGITS = 3


class WordScore(BaseModel):
    word: str = Field(description="A token as the model writes it: \"don't\" is 'do' and \"n't\".")
    log_probability: float = Field(description="Natural logarithm, given the words before.")
    attention: list[list[float]] | None = Field(
        None,
        description="Only if asked for: where the model looked for this word, rows of a grid laid "
        "over the photo from the top left, as shares of 1; null if the model does not attend.",
    )
    sentinel: float | None = Field(
        None,
        description="What the attention lacks of 1: how much of the word came from language "
        "instead of the photo (the visual sentinel). 0 for models without one.",
    )

    @classmethod
    def all_of(cls, beam: Beam, with_attention: bool) -> "list[WordScore]":
        """The words of a beam; without attention, its fields stay unset."""
        words = [cls(word=each.text, log_probability=each.log_probability) for each in beam.words]
        if with_attention:
            for i, word in enumerate(words):
                word.attention, word.sentinel = _looked(beam.attention, i)
        return words


def _looked(attention: Attention | None, i: int) -> tuple[list[list[float]] | None, float | None]:
    """The map of the i-th word, and what it lacks of 1."""
    if attention is None:
        return None, None
    shares = attention[i].astype(float)
    lack = max(0.0, 1 - float(shares.sum()))
    return shares.round(ATTENTION_DIGITS).tolist(), round(lack, ATTENTION_DIGITS)


class BeamScore(BaseModel):
    """One hypothesis of the beam search."""

    text: str
    log_probability: float = Field(description="Of all words and of the caption ending there.")
    score: float = Field(
        description="Beams are ranked by it: log_probability / (number of words + 1) ** "
        "length_penalty, to which some models add evidence from the photo."
    )
    words: list[WordScore]
    end_log_probability: float = Field(description="Of the caption ending after the last word.")

    @classmethod
    def of(cls, beam: Beam, with_attention: bool) -> "BeamScore":
        return cls(
            text=beam.text,
            log_probability=beam.log_probability,
            score=beam.score,
            words=WordScore.all_of(beam, with_attention),
            end_log_probability=beam.end_log_probability,
        )


class ImageInfo(BaseModel):
    """The photo as it was read, turned upright."""

    width: int
    height: int
    format: str


class ModelInfo(BaseModel):
    name: str
    version: str

    @classmethod
    def of(cls, manifest: Manifest) -> "ModelInfo":
        return cls(name=manifest.name, version=manifest.version)


class Milliseconds(BaseModel):
    """Where the time went."""

    decoding: float = Field(description="From the file's bytes to the model's pixels.")
    queue: float = Field(description="Waiting for the model.")
    inference: float = Field(description="Encoder and beam search.")


class CaptionResponse(BaseModel):
    caption: str = Field(description="The best beam's text.")
    confidence: float | None = Field(
        description="The estimated probability that the caption says much of what people would; "
        "null if the model is not calibrated."
    )
    uncertain: bool | None = Field(
        description="Whether the confidence is below the model's threshold: show the caption as a "
        "guess."
    )
    beams: list[BeamScore] = Field(description="Best first.")
    options: SearchOptions = Field(description="The search options used.")
    image: ImageInfo
    model: ModelInfo
    milliseconds: Milliseconds
    request_id: str | None = Field(
        description="Also in the X-Request-ID header and in the log; null on the command line."
    )

    @classmethod
    def of(
        cls,
        photo: Photo,
        captions: Captions,
        options: SearchOptions,
        manifest: Manifest,
        decoding_seconds: float,
        request_id: str | None = None,
        with_attention: bool = False,
    ) -> "CaptionResponse":
        """The answer for one photo, the only one of `captions`."""
        (found,) = captions.beams
        beams = [BeamScore.of(beam, with_attention) for beam in found]
        sure, uncertain = assess(found[0], manifest)
        return cls(
            caption=beams[0].text,
            confidence=sure,
            uncertain=uncertain,
            beams=beams,
            options=options,
            image=ImageInfo(width=photo.width, height=photo.height, format=photo.format),
            model=ModelInfo.of(manifest),
            milliseconds=Milliseconds(
                decoding=round(1000 * decoding_seconds, 3),
                queue=round(1000 * captions.queue_seconds, 3),
                inference=round(1000 * captions.inference_seconds, 3),
            ),
            request_id=request_id,
        )


class Health(BaseModel):
    state: Literal["ready", "busy"] = Field(description="busy: ready, but full at the moment.")
    model: ModelInfo
    device: Device
    engine: Engine = Field(description="What runs the model.")


class ServedModel(Manifest):
    """The model's manifest, and what runs it here."""

    engine: Engine = Field(description="What runs the model.")


class Life(BaseModel):
    state: State
