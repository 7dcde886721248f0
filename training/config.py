"""What a training run is: read from a TOML file, kept as JSON beside the weights it made."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Config = TypeVar("Config", bound=BaseModel)
Objective = Literal["cross-entropy", "cider"]
EncoderName = Literal["resnet50", "efficientnetv2-b0", "convnext-tiny"]
Precision = Literal["float32", "bfloat16"]
Architecture = Literal["lstm", "soft-attention", "attention", "tagged-attention", "transformer"]


class TagConfig(BaseModel):
    """Which tags there are, and how the tag head is fitted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_count: int = Field(5, ge=1, description="rarer words of the photos' captions are <unk>")
    min_text_count: int = Field(
        25, ge=1, description="unless captions without photos hold them that often"
    )
    tag_photos: int = Field(25, ge=1, description="photos that make a word or a pair a tag")
    word_text_photos: int = Field(200, ge=1, description="absent photos that do so for a word")
    pair_text_photos: int = Field(300, ge=1, description="absent photos that do so for a pair")
    penalty: float = Field(6000.0, gt=0, description="of the ridge regression")
    labelled_weight: float = Field(
        0.6, gt=0, description="of a photo whose words are guessed from its labels"
    )
    folds: int = Field(5, ge=2, description="of the training photos' own tags")
    seed: int = Field(1, description="of the folds")


class DecoderConfig(BaseModel):
    """The shape of a decoder and its regularisation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    architecture: Architecture
    units: int = Field(512, ge=1, description="size of the LSTM state and of a word's embedding")
    attention_units: int = Field(256, ge=1, description="size of the attention's hidden layer")
    layers: int = Field(2, ge=1, description="blocks of a transformer")
    heads: int = Field(8, ge=1, description="of a transformer's attention; they share the units")
    dropout: float = Field(0.5, ge=0, lt=1, description="on embeddings and before the output")
    feature_dropout: float = Field(0.2, ge=0, lt=1, description="on the encoder's features")
    tags: int = Field(0, ge=0, description="objects and words whose tags the decoder reads")
    tag_dropout: float = Field(0.2, ge=0, lt=1, description="on the tags")


class TrainConfig(BaseModel):
    """One run: the decoder, the data's treatment and the optimisation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    decoder: DecoderConfig
    encoder: EncoderName = Field(
        "resnet50", description="which network of keras.applications reads the photos"
    )
    objective: Objective = Field(
        "cross-entropy", description="of the captions' words, or the CIDEr-D of sampled captions"
    )
    samples: int = Field(5, ge=2, description="captions drawn of a photo under the CIDEr objective")
    temperature: float = Field(
        0.5,
        gt=0,
        description="by which the logits are divided for good before the CIDEr objective: smoothed "
        "labels leave so much to improbable words that short captions, which draw fewer, would win",
    )
    anchor: float = Field(
        0.2,
        ge=0,
        description="share of the cross-entropy under the CIDEr objective; without it the captions "
        "fall apart after some hundred steps",
    )
    encoder_learning_rate: float = Field(
        0.0, ge=0, description="peak, of the encoder's last stage; at 0 it stays as it is"
    )
    min_count: int = Field(5, ge=1, description="rarer training words become <unk>")
    max_words: int = Field(22, ge=1, description="longer training captions are cut here")
    mirror: bool = Field(True, description="half of the time train on the mirrored photo")
    crop_share: float = Field(
        0.0, ge=0, le=1, description="of the photos a step that are a crop instead"
    )
    crop_pairs: int = Field(
        1, ge=1, description="pairs of crops of each photo, if there is a share"
    )
    crop_least: float = Field(
        0.72, gt=0, le=0.97, description="share of a photo's sides that a crop keeps at least"
    )
    crop_colour: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="how far a crop's brightness, contrast and saturation may change",
    )
    batch_images: int = Field(32, ge=1, description="photos a step, each with all its captions")
    epochs: int = Field(25, ge=1)
    patience: int = Field(6, ge=1, description="epochs without a better dev CIDEr before the end")
    learning_rate: float = Field(8e-4, gt=0, description="peak, after the warm-up")
    warmup_share: float = Field(0.08, ge=0, lt=1, description="of all steps, for the warm-up")
    warmup_steps: int | None = Field(None, ge=0, description="in place of the share")
    weight_decay: float = Field(0.05, ge=0)
    clip_norm: float = Field(5.0, gt=0, description="bound on the gradients' global norm")
    label_smoothing: float = Field(0.1, ge=0, lt=1)
    unsmoothed_epochs: int = Field(0, ge=0, description="last epochs without label smoothing")
    texts: int = Field(
        0, ge=0, description="captions without photos an epoch of cross-entropy reads"
    )
    batch_texts: int = Field(160, ge=1, description="captions without photos a step")
    pseudo_weight: float = Field(
        1.0, ge=0, description="how often an epoch shows a photo with pseudo-captions"
    )
    pseudo_reward: float = Field(
        0.5, ge=0, description="factor of the CIDEr-D against pseudo-captions"
    )
    object_bonus: float = Field(
        0.0, ge=0, description="added to the reward of a caption that names an object in the photo"
    )
    object_penalty: float = Field(
        0.0, ge=0, description="subtracted for each object it names that is not in the labels"
    )
    neutral_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="of the photos a step of the reward whose captions are drawn without words "
        "that tell a gender and scored against references in neutral wording",
    )
    ema_decay: float = Field(0.999, ge=0, lt=1, description="of the averaged weights we keep")
    dev_beam_size: int = Field(3, ge=1, description="beam of the dev CIDEr that selects the model")
    precision: Precision = Field(
        "float32",
        description="of what training computes with; weights, their average and the losses stay "
        "float32",
    )
    seed: int = 0


class TeacherConfig(BaseModel):
    """How a network is shown pixels, and which of its tensors are learned from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mean: tuple[float, ...] = Field(
        (0.0,), description="subtracted from pixels of 0 to 255, for all channels or for R, G and B"
    )
    scale: tuple[float, ...] = Field((1.0,), description="by which they are divided after that")
    maps: str | None = Field(
        None, description="tensor of the maps, where the network does not give them out"
    )
    weights: str = Field(
        "imagenet", description="of keras:NAME: a weights file, or imagenet, which downloads"
    )


class DistillConfig(BaseModel):
    """How the encoder's last stage learns from a teacher."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    teacher: TeacherConfig = TeacherConfig()
    encoder: EncoderName = Field("resnet50", description="whose last stage it is")
    epochs: int = Field(4, ge=1)
    views: int | None = Field(None, ge=1, description="an epoch; else one of each training photo")
    least_area: float = Field(0.35, gt=0, le=1, description="of a photo that a view shows")
    batch_images: int = Field(64, ge=1, description="views a step")
    learning_rate: float = Field(2e-4, gt=0, description="peak, of the last stage")
    head_learning_rate: float = Field(1e-3, gt=0, description="peak, of what reads its maps")
    head_steps: int = Field(
        100, ge=0, description="at the start, for which the last stage stays as it is"
    )
    weight_decay: float = Field(0.02, ge=0)
    clip_norm: float = Field(5.0, gt=0, description="bound on the gradients' global norm")
    maps_weight: float = Field(4.0, ge=0, description="of the error of the teacher's maps")
    logits_weight: float = Field(1.0, ge=0, description="of the divergence from its logits")
    temperature: float = Field(2.0, gt=0, description="by which both logits are divided")
    objects_weight: float = Field(
        0.15, ge=0, description="of the cross-entropy of labels, where a photo has any"
    )
    dev_images: int = Field(512, ge=1, description="dev photos the losses are measured on")
    precision: Precision = "float32"
    seed: int = 0


def load_or_default(kind: type[Config], path: Path | None) -> Config:
    """The configuration in a TOML file, or the defaults. Raises FileNotFoundError, ValueError."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8")) if path else {}
        return kind.model_validate(content)
    except (ValidationError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path}: {mistakes(error)}") from error


def load_config(
    path: Path, changes: Mapping[str, str] | None = None, start: Mapping[str, Any] | None = None
) -> TrainConfig:
    """The configuration in a TOML file, with `changes` such as {"decoder.units": "256"} over it.

    `start` holds what stands in for a missing `encoder` or [decoder]. Raises FileNotFoundError, and
    ValueError with every mistake in one line.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        for key, value in (start or {}).items():
            content.setdefault(key, value)
        for key, text in (changes or {}).items():
            _set(content, key, text)
        return TrainConfig.model_validate(content)
    except (ValidationError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path}: {mistakes(error)}") from error


def mistakes(error: ValidationError | tomllib.TOMLDecodeError) -> str:
    """All that is wrong with a TOML file, in one line."""
    if isinstance(error, tomllib.TOMLDecodeError):
        return str(error)
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())


def _set(content: dict[str, Any], key: str, value: str) -> None:
    """Set `decoder.units` or the like to a value written as in TOML; a bare word is a string."""
    *tables, name = key.split(".")
    for table in tables:
        content = content.setdefault(table, {})
        if not isinstance(content, dict):
            raise ValueError(f"--set {key}: {table} is a value, not a table")
    try:
        content[name] = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        content[name] = value
