"""Where the documents' figures are."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "results"
MEASURED = ROOT / "benchmarks" / "results"
SCORES = ("BLEU-1", "BLEU-4", "METEOR", "ROUGE-L", "CIDEr")


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def score_cells(result: Any) -> list[str]:
    """The cells under SCORES, each with its interval."""
    return [with_interval(result["scores"][name]) for name in SCORES]


def with_interval(each: dict[str, Any]) -> str:
    """A score: "61.1 (57.4–65.0)"."""
    low, high = each["interval"]
    return f"{each['score']:.1f} ({low:.1f}–{high:.1f})"
