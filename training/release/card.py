"""The model card, written from the manifest and the audit: no figure in it is typed by hand."""

import json
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from training.release.card_facts import About, facts
from training.release.findings import findings

CARD = "MODEL_CARD.md"
TEMPLATE = Path(__file__).parent / "model_card.md"  # for any data
SHIPPED_TEMPLATE = Path(__file__).parent / "shipped_card.md"
SHIPPED_NAME = "everyday-resnet50-attention"  # whose card says of its data what no run records


def template_for(manifest: Mapping[str, Any]) -> Path:
    """The template of the card of a model, if its maker has none."""
    return SHIPPED_TEMPLATE if manifest["name"] == SHIPPED_NAME else TEMPLATE


def model_card(
    template: str,
    manifest: Mapping[str, Any],
    vocabulary: int,
    audit: Mapping[str, Any] | None,
    about: About | None = None,
) -> str:
    """The card's text with this model's numbers.

    `audit` is None before `audit` has run, `about` is what its maker states of the data. Raises
    ValueError for a placeholder that there is not.
    """
    if about is None:
        about = About.model_validate(manifest["provenance"].get("about") or {})
    placed = {"vocabulary": vocabulary, **facts(manifest, about), **findings(audit)}
    try:
        return Template(template).substitute(placed)
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"the card's template has a placeholder that is none: {error}; write $$ for a dollar "
            f"sign, or one of {', '.join(sorted(placed))}"
        ) from error


def write_card(folder: Path, audit: Mapping[str, Any] | None, template: Path | None = None) -> Path:
    """Write the card of the artifact in `folder` anew, with its audit's findings."""
    path = folder / CARD
    path.write_text(_card_of(folder, audit, template), encoding="utf-8")
    return path


def is_our_card(folder: Path, audit: Mapping[str, Any] | None) -> bool:
    """Whether the card of an artifact is what this would write, and not its maker's own."""
    path = folder / CARD
    return not path.is_file() or path.read_text(encoding="utf-8") == _card_of(folder, audit, None)


def _card_of(folder: Path, audit: Mapping[str, Any] | None, template: Path | None) -> str:
    manifest = json.loads((folder / "manifest.json").read_text())
    words = (folder / "vocabulary.txt").read_text(encoding="utf-8").splitlines()
    text = (template or template_for(manifest)).read_text(encoding="utf-8")
    return model_card(text, manifest, len(words), audit)
