"""The step `score`: an artifact's captions of a split, scored and written into its manifest."""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from training.data.dataset import Dataset
from training.data.images import load_image
from training.data.text import Vocabulary
from training.measure.artifact import Artifact, Engine
from training.measure.audit.report import read_audit
from training.measure.chair import chair
from training.measure.evaluate import write_evaluation
from training.models.weights import read_dangling
from training.release.card import is_our_card, write_card

EXAMPLES = 40
BATCH = 8
MAIN = "flickr8k"  # the data whose scores the model card shows first


def score_artifact(
    folder: Path,
    engine: Engine,
    dataset: Dataset,
    split: str,
    name: str,
    results: Path,
    template: Path | None = None,
) -> dict[str, Any]:
    """Caption a split with an artifact and write its scores.

    They go to `results/NAME-ENGINE.json`, with the captions and statistics beside them, and into
    the artifact's manifest under `metrics` and its card. One that its maker wrote stays, unless
    its `template` is named. Photos with labels are also scored by the objects that captions name.
    """
    artifact = Artifact(folder, engine)
    captions = dict(_captions(artifact, dataset, dataset.splits[split]))
    described = {
        "run": f"{artifact.manifest['name']} {artifact.manifest['version']}",
        "model": artifact.manifest["name"],
        "version": artifact.manifest["version"],
        "engine": engine,
        "data": name,
        "split": split,
        "search": artifact.manifest["search"],
    }
    dangling = read_dangling(folder, Vocabulary.load(folder / "vocabulary.txt"))
    stem = results / f"{name}-{engine}"
    scored = write_evaluation(stem, described, captions, dataset, split, dangling)
    labels = {photo: set(dataset.labels[photo]) for photo in captions if dataset.labels.get(photo)}
    if labels:
        said = {photo: dataset.captions[photo] for photo in labels}
        scored["objects"] = chair({photo: captions[photo] for photo in labels}, labels, said)
        scored["examples"] = _examples(captions, labels)
        (results / f"{name}-{engine}.json").write_text(json.dumps(scored, indent=2) + "\n")
    audit = read_audit(folder)
    ours = is_our_card(folder, audit)
    _into_manifest(folder, engine, name, scored)
    if template or ours:
        write_card(folder, audit, template)
    return scored


def _captions(
    artifact: Artifact, dataset: Dataset, names: Sequence[str]
) -> Iterator[tuple[str, str]]:
    side = artifact.manifest["input"]["height"]
    for start in tqdm(range(0, len(names), BATCH), "captions", unit="batch", mininterval=1):
        group = names[start : start + BATCH]
        pixels = np.stack([load_image(dataset.files[name], side) for name in group])
        answers = artifact.caption(pixels)
        yield from ((name, each.caption) for name, each in zip(group, answers, strict=True))


def _examples(captions: Mapping[str, str], labels: Mapping[str, set[str]]) -> list[dict[str, Any]]:
    """Some photos' captions and what is there, good and bad as they fall: chosen by a seed."""
    chosen = random.Random(0).sample(sorted(labels), min(EXAMPLES, len(labels)))  # noqa: S311
    return [{"there": sorted(labels[name]), "caption": captions[name]} for name in chosen]


def _into_manifest(folder: Path, engine: Engine, name: str, scored: dict[str, Any]) -> None:
    """The reference engine's scores of `MAIN` stand at the top, others by name or engine."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    keys = [key for key in ("split", "images", "scores", "variety", "objects") if key in scored]
    kept = {key: scored[key] for key in keys}
    if engine != "tensorflow":
        entry = manifest["engines"][engine]
        entry |= {"scores": scored["scores"]} if name == MAIN else {name: kept}
    elif name == MAIN:
        manifest["metrics"] = manifest["metrics"] | kept
        manifest["provenance"]["evaluation"] = scored["provenance"]
    else:
        manifest["metrics"][name] = kept
    path.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
