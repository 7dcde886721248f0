"""`manifest.json`, the description that every model artifact carries."""

import hashlib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

FILE = "manifest.json"
MODEL_CARD = "MODEL_CARD.md"


class ArtifactError(Exception):
    """The model folder cannot be used; the message says what to do."""


class OptionError(ValueError):
    """A search option that this model does not take; the message says what it takes."""


class InputSpec(BaseModel):
    """The pixels the model takes: the whole frame, squashed to this size."""

    height: int
    width: int
    resize_filter: Literal["bilinear", "bicubic", "lanczos"]


class SearchOptions(BaseModel):
    """How the beam search is run."""

    model_config = ConfigDict(frozen=True)

    beam_size: int
    max_length: int
    length_penalty: float


class SearchLimits(BaseModel):
    """The least and greatest value of each option that the model was exported for."""

    beam_size: tuple[int, int]
    max_length: tuple[int, int]
    length_penalty: tuple[float, float]


class Calibration(BaseModel):
    """From what the model tells of a caption to a confidence, fitted on the dev split.

    confidence = 1 / (1 + exp(-(intercept + log_prob_weight * m + focus_weight * lack))), where m
    is the mean log-probability of the caption's tokens, its end included, and `lack` says how
    far the logarithm of the caption's focus lies below `focus_knee`, 0 if it does not.
    """

    model_config = ConfigDict(frozen=True)

    intercept: float
    log_prob_weight: float
    focus_weight: float
    focus_knee: float
    threshold: float = Field(description="A caption of less confidence is called uncertain.")
    target_cider: float = Field(
        description="Confidence is the estimated probability of reaching this CIDEr-D, times 100, "
        "against five people's captions."
    )


class Manifest(BaseModel):
    """What a model is, what it takes, how good it is and where it came from."""

    model_config = ConfigDict(frozen=True)

    name: str
    version: str
    architecture: str
    input: InputSpec
    search: SearchOptions
    limits: SearchLimits
    metrics: dict[str, Any]
    calibration: Calibration | None
    provenance: dict[str, Any]
    files: dict[str, str]

    def options(self, **given: float | None) -> SearchOptions:
        """The given options, the others from the defaults that were tuned on the dev split.

        Raises OptionError if one is outside the limits.
        """
        chosen = {name: value for name, value in given.items() if value is not None}
        for name, value in chosen.items():
            least, greatest = getattr(self.limits, name)
            if not least <= value <= greatest:
                raise OptionError(f"{name} must be from {least} to {greatest} with this model")
        return SearchOptions.model_validate(self.search.model_dump() | chosen)


def load_manifest(model_dir: Path) -> Manifest:
    """Read the manifest and check every file it lists against its sha256.

    Raises ArtifactError.
    """
    path = model_dir / FILE
    if not path.is_file():
        raise ArtifactError(
            f"{model_dir} holds no {FILE}; set CAPTION_MODEL_DIR to a folder written by "
            "`python -m training export`"
        )
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ArtifactError(f"{path} is not a valid manifest: {error}") from error
    for name, expected in manifest.files.items():
        file = model_dir / name
        if not file.is_file():
            raise ArtifactError(f"{file} is missing; fetch or export the model again")
        if _sha256(file) != expected:
            raise ArtifactError(f"{file} is damaged (sha256 differs); fetch the model again")
    return manifest


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
