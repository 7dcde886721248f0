"""`manifest.json`, the description that every model artifact carries."""

import hashlib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.engine.errors import ArtifactError, OptionError

FILE = "manifest.json"
MODEL_CARD = "MODEL_CARD.md"


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
    people: Literal["seen", "neutral"] | None = Field(
        None, description="Whether people are named as they look; unset where the model cannot."
    )


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


class ConfidenceThreshold(BaseModel):
    """What divides the model's own confidences."""

    model_config = ConfigDict(frozen=True)

    threshold: float = Field(description="A caption of less confidence is called uncertain.")


class GenderThresholds(BaseModel):
    """How clearly a photo must show whom words tell of, from 0 to 1, for them to be written."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={"examples": [{"male": 0.81, "female": 0.57, "boy": 0.34, "girl": 0.28}]},
    )

    male: float = Field(description="Below it no word of men and no male pronoun is written.")
    female: float = Field(description="Below it no word of women and no female pronoun is written.")
    boy: float | None = Field(
        None,
        description="Below it no word of boys is written. Where it is absent, `male` holds for "
        "boys too.",
    )
    girl: float | None = Field(
        None,
        description="Below it no word of girls is written. Where it is absent, `female` holds for "
        "girls too.",
    )


class EngineForm(BaseModel):
    """The same graph in another form than the SavedModel, with its scores on each set of photos."""

    model_config = ConfigDict(frozen=True, extra="allow")

    file: str = Field(description="Its path below the model's folder.")
    precision: str = Field(description="Of most of its weights: int8 or fp16.")
    scores: dict[str, Any] = Field({}, description="On the test split, as `metrics` has them.")


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
    calibration: Calibration | None = None
    confidence: ConfidenceThreshold | None = Field(
        None, description="Of models that give the confidence themselves."
    )
    gender_thresholds: GenderThresholds | None = Field(
        None, description="Of models that name a gender only where the photo shows it clearly."
    )
    provenance: dict[str, Any]
    files: dict[str, str]
    engines: dict[str, EngineForm] = Field(
        {}, description="Beside TensorFlow's, those the model has a form for."
    )

    def options(self, **given: float | str | None) -> SearchOptions:
        """The given options, the others from the defaults that were tuned on the dev split.

        Raises OptionError if one is outside the limits.
        """
        chosen = {name: value for name, value in given.items() if value is not None}
        for name, value in chosen.items():
            if name == "people":
                if name not in self.search.model_fields_set:
                    raise OptionError(f"this model has no option {name}")
                continue
            least, greatest = getattr(self.limits, name)
            if not least <= value <= greatest:
                raise OptionError(f"{name} must be from {least} to {greatest} with this model")
        return SearchOptions.model_validate(self.search.model_dump(exclude_unset=True) | chosen)


def read_manifest(model_dir: Path) -> Manifest:
    """Read the manifest, and none of the files it lists. Raises ArtifactError."""
    path = model_dir / FILE
    if not path.is_file():
        raise ArtifactError(
            f"{model_dir} holds no {FILE}; set CAPTION_MODEL_DIR to a folder written by "
            "`python -m training export`"
        )
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ArtifactError(f"{path} is not a valid manifest: {error}") from error


def load_manifest(model_dir: Path) -> Manifest:
    """Read the manifest and check every file it lists against its sha256.

    Raises ArtifactError.
    """
    manifest = read_manifest(model_dir)
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
