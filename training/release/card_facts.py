"""What a model card can say of a model that its manifest knows; the rest is "not stated"."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from training.measure.intervals import score_rows

NOT_STATED = "not stated"
NOT_SCORED = "Not measured; `python -m training score` does."
OBJECTIVES = {
    "cross-entropy": "with cross-entropy",
    "cider": "first\n  with cross-entropy and then with the CIDEr reward",
}
ENCODER_NAMES = {
    "resnet50": "ResNet50",
    "efficientnetv2-b0": "EfficientNetV2-B0",
    "convnext-tiny": "ConvNeXt-Tiny",
}
Manifest = Mapping[str, Any]


class About(BaseModel):
    """What nobody but the maker of a model can know; Markdown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    photos_from: str = Field(NOT_STATED, description="where the photos come from")
    captions_from: str = Field(NOT_STATED, description="who wrote the captions, in which language")
    licence: str = Field(NOT_STATED, description="of the photos, the captions and the model")
    consent: str = Field(NOT_STATED, description="of the people in the photos")
    use: str = Field(NOT_STATED, description="what the model is for")
    not_for: str = Field(NOT_STATED, description="what it must not be used for")


def load_about(path: Path) -> About:
    """Raises FileNotFoundError, and ValueError with every mistake in one line."""
    try:
        return About.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        mistakes = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise ValueError(f"{path}: {'; '.join(mistakes)}") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: {error}") from error


def facts(manifest: Manifest, about: About) -> dict[str, Any]:
    """The card's placeholders and what stands for them."""
    described = manifest["provenance"]["training"]
    made = described.get("provenance") or {}
    encoder = described["train"].get("encoder", "resnet50")
    return {
        "name": manifest["name"],
        "version": manifest["version"],
        "architecture": manifest["architecture"],
        "encoder": described["encoder_weights"],
        "encoder_name": ENCODER_NAMES[encoder],
        "encoder_training": _encoder_training(described["encoder_weights"]),
        # Runs from before there were two objectives do not name theirs.
        "objective": OBJECTIVES[described["train"].get("objective", "cross-entropy")],
        "start": _start(described.get("start")),
        "data": _data(described.get("data")),
        "confidence_meaning": _confidence_meaning(manifest.get("calibration")),
        "revision": made.get("git_revision", NOT_STATED),
        "tensorflow": made.get("tensorflow", NOT_STATED),
        "keras": made.get("keras", NOT_STATED),
        **about.model_dump(),
        **_measured(manifest),
    }


def _encoder_training(weights: str) -> str:
    tuned = " Its last stage was trained further on the data below." if " stage " in weights else ""
    if "imagenet" in weights.split():
        return f"They are Keras' own, trained on ImageNet.{tuned}"
    return f"What they were trained on: {NOT_STATED}.{tuned}"


def _start(start: Mapping[str, str] | None) -> str:
    if not start:
        return "random ones."
    if "artifact" in start:
        return (
            f"those of the artifact {start['artifact']} {start['version']}. What its card says of "
            "its data, its licences and its mistakes holds for this model too."
        )
    return f"those of the run `{start['run']}`, whose data may be others than those below."


def _data(data: Mapping[str, Any] | None) -> str:
    """The counts that training recorded, as a table."""
    if not data:
        return f"Data: {NOT_STATED}."
    sources = ", ".join(f"`{name}`" for name in data.get("sources", ())) or NOT_STATED
    photos, captions = data["photos"], data["captions"]
    rows = [f"| {split} | {photos[split]:,} | {captions[split]:,} |" for split in photos]
    if data.get("uncaptioned"):
        rows.append(f"| without captions | {data['uncaptioned']:,} | |")
    if data.get("texts"):
        rows.append(f"| captions without photos | | {data['texts']:,} |")
    header = ["| split | photos | captions |", "|---|---|---|"]
    return "\n".join([f"Sources, as the run calls them: {sources}.", "", *header, *rows])


def _measured(manifest: Manifest) -> dict[str, Any]:
    """Scores on the split that was measured first, wherever the manifest keeps them.

    Those of the artifact's other forms stand for a model of which nothing else was measured.
    """
    metrics, search = manifest["metrics"], manifest["search"]
    groups = (metrics, *manifest.get("engines", {}).values())
    found_in = (each for group in groups for each in group.values())
    named = [each for each in found_in if isinstance(each, dict) and "scores" in each]
    found = metrics if "scores" in metrics else (named[0] if named else None)
    options = {key: search[key] for key in ("beam_size", "length_penalty")}
    if found is None:
        blank = dict.fromkeys(("images", "distinct", "copied", "words"), NOT_STATED)
        return options | blank | {"measured": NOT_SCORED, "scores": "", "variety": ""}
    variety = found["variety"]
    distinct = f"{variety['distinct_share']:.0%}"
    copied = f"{variety['copied_from_training_share']:.0%}"
    references = found.get("references_per_image")
    per_photo = NOT_STATED if references is None else f"{references:.3g}"
    rows = "\n".join(score_rows(found["scores"]))
    return options | {
        "images": found["images"],
        "distinct": distinct,
        "copied": copied,
        "words": variety["vocabulary_used"],
        "scores": rows,
        "measured": (
            f"Split: {found.get('split', NOT_STATED)}. Photos: {found['images']}. References a "
            f"photo: {per_photo}. Tokeniser: {found.get('tokenizer', NOT_STATED)}. Beam "
            f"{options['beam_size']}, length penalty {options['length_penalty']}, both chosen "
            f"on the dev split.\n\n| metric | score | 95% interval |\n|---|---|---|\n{rows}"
        ),
        "variety": (
            f"{distinct} of these captions are distinct, {copied} stand word for word in the "
            f"training captions, and all of them together use {variety['vocabulary_used']} words."
        ),
    }


def _confidence_meaning(calibration: Mapping[str, Any] | None) -> str:
    if not calibration:
        return f"What its confidence means: {NOT_STATED}."
    return (
        "The estimated probability that a caption reaches a CIDEr of "
        f"{calibration['target_cider']:g} against the references."
    )
