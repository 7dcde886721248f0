"""The model card, written from the manifest and the audit: no figure in it is typed by hand."""

import json
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from training.measure.intervals import score_rows
from training.release.findings import findings

CARD = "MODEL_CARD.md"
TEMPLATE = Path(__file__).parent / "model_card.md"
OBJECTIVES = {
    "cross-entropy": "with cross-entropy",
    "cider": "first\n  with cross-entropy and then with the CIDEr reward",
}


def model_card(
    template: str, manifest: Mapping[str, Any], vocabulary: int, audit: Mapping[str, Any] | None
) -> str:
    """The card's text with this model's numbers; `audit` is None before `audit` has run."""
    metrics, described = manifest["metrics"], manifest["provenance"]["training"]
    return Template(template).substitute(
        name=manifest["name"],
        version=manifest["version"],
        architecture=manifest["architecture"],
        encoder=described["encoder_weights"],
        # Runs from before there were two objectives do not name theirs.
        objective=OBJECTIVES[described["train"].get("objective", "cross-entropy")],
        images=metrics["images"],
        scores="\n".join(score_rows(metrics["scores"])),
        beam_size=manifest["search"]["beam_size"],
        length_penalty=manifest["search"]["length_penalty"],
        distinct=f"{metrics['variety']['distinct_share']:.0%}",
        copied=f"{metrics['variety']['copied_from_training_share']:.0%}",
        words=metrics["variety"]["vocabulary_used"],
        vocabulary=vocabulary,
        **findings(audit),
    )


def write_card(folder: Path, audit: Mapping[str, Any] | None, template: Path = TEMPLATE) -> Path:
    """Write the card of the artifact in `folder` anew, with its audit's findings."""
    manifest = json.loads((folder / "manifest.json").read_text())
    words = (folder / "vocabulary.txt").read_text(encoding="utf-8").splitlines()
    text = model_card(template.read_text(encoding="utf-8"), manifest, len(words), audit)
    path = folder / CARD
    path.write_text(text, encoding="utf-8")
    return path
