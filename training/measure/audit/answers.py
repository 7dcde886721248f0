"""The artifact's captions of many photos, kept in a file so that a stopped audit resumes."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tqdm import tqdm

from training.data.images import load_image
from training.measure.artifact import Artifact
from training.measure.audit.robustness import BATCH, Pixels, Told
from training.provenance import sha256


def told(artifact: Artifact, pixels: Pixels) -> list[Told]:
    """The best caption and its confidence for RGB pixels uint8 [B, 224, 224, 3]."""
    return [Told(each.beams[0], each.confidence) for each in artifact.caption(pixels)]


def captions_of(artifact: Artifact, photos: Mapping[str, Path], kept: Path) -> dict[str, Told]:
    """What the artifact says of photo files, by their names.

    `kept` is a JSON file of earlier answers, by the sha256 of the photo's file; it is written after
    every batch of new ones.
    """
    known: dict[str, Told] = {}
    if kept.is_file():
        known = {photo: Told(*each) for photo, each in json.loads(kept.read_text()).items()}
    files = {name: sha256(path) for name, path in photos.items()}
    todo = [name for name in photos if files[name] not in known]
    for start in tqdm(range(0, len(todo), BATCH), desc=kept.stem, mininterval=1, leave=False):
        batch = todo[start : start + BATCH]
        pixels = np.stack([load_image(photos[name]) for name in batch])
        known.update(zip((files[name] for name in batch), told(artifact, pixels), strict=True))
        _keep(known, kept)
    return {name: known[files[name]] for name in photos}


def _keep(known: Mapping[str, Told], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"new-{path.name}")
    new.write_text(json.dumps(known))
    new.replace(path)


def known_of(answers: Mapping[str, Told], before: str = "") -> dict[str, float]:
    """The confidences by photo, with something `before` each name, where the model gives one."""
    return {
        f"{before}{name}": each.confidence
        for name, each in answers.items()
        if each.confidence is not None
    }


def words_of(answers: Mapping[str, Told]) -> dict[str, list[str]]:
    """The captions' words by photo."""
    return {name: each.words for name, each in answers.items()}
