"""What the documents need of finished runs, gathered into small JSON files that are kept in git.

`docs/results/runs/NAME.json` is one run: its configuration, epochs, search, evaluations and
calibration. `docs/results/comparisons.json` says what each lever is worth, by paired bootstrap.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.measure.evaluate import STATISTICS
from training.measure.metrics import ImageStatistics, paired_bootstrap
from training.optimize.run_folder import CALIBRATION, CONFIG, METRICS, SEARCH

SHOWN = ("BLEU-4", "METEOR", "CIDEr")


@dataclass(frozen=True)
class Lever:
    """Two evaluations, `run/stem`, that differ in one thing."""

    what: str
    ours: str
    theirs: str


LEVERS = (
    Lever("the shipped model against the first artifact", "shipped/test", "attention/test-first"),
    Lever("the CIDEr reward after cross-entropy", "attention-cider/test", "attention/test"),
    Lever("the mean of three runs of it instead of one", "shipped/test", "attention-cider/test"),
    Lever("both sides of the photo instead of one", "shipped/test", "shipped/test-one-sided"),
    Lever("beam search instead of the best word each time", "shipped/test", "shipped/test-greedy"),
    Lever("no repeated trigram, no dangling ending", "shipped/test", "shipped/test-unruly"),
    Lever("the same rules before the CIDEr reward", "attention/test", "attention/test-unruly"),
    Lever("the length penalty before it", "attention/test", "attention/test-unpenalised"),
    Lever("beam search before it", "attention/test", "attention/test-greedy"),
    Lever("adaptive instead of soft attention", "attention/test", "soft-attention/test"),
    Lever("soft attention instead of the pooled features", "soft-attention/test", "lstm/test"),
    Lever("a Transformer instead of the attentive LSTM", "transformer/test", "attention/test"),
)


def gather(runs: Path, output: Path) -> list[Path]:
    """Write the files of every evaluated run below `runs`; returns what was written."""
    written = []
    (output / "runs").mkdir(parents=True, exist_ok=True)
    for folder in sorted(each.parent for each in runs.glob("*/test.json")):
        path = output / "runs" / f"{folder.name}.json"
        _write(path, describe(folder))
        written.append(path)
    comparisons = output / "comparisons.json"
    _write(comparisons, [each for lever in LEVERS if (each := compare(runs, lever))])
    return [*written, comparisons]


def describe(run: Path) -> dict[str, Any]:
    """All that is kept of a run."""
    started = _read(run / CONFIG) or {}
    return {
        "run": run.name,
        "config": started.get("train"),
        "start": started.get("start"),
        "epochs": _rows(run / METRICS),
        "search": _read(run / SEARCH),
        "evaluations": {
            path.stem: _read(path)
            for path in sorted(run.glob("test*.json"))
            if not path.stem.endswith("-captions")
        },
        "calibration": _read(run / CALIBRATION),
    }


def compare(runs: Path, lever: Lever) -> dict[str, Any] | None:
    """By how much the first evaluation of a lever is better; None if one was not made."""
    paths = [runs / f"{each}{STATISTICS}" for each in (lever.ours, lever.theirs)]
    if not all(path.is_file() for path in paths):
        return None
    ours, theirs = (ImageStatistics.load(path) for path in paths)
    compared = paired_bootstrap(ours, theirs)
    return {
        "what": lever.what,
        "ours": lever.ours,
        "theirs": lever.theirs,
        "scores": {name: compared[name] for name in SHOWN if name in compared},
    }


def _read(path: Path) -> Any:
    return json.loads(path.read_text()) if path.is_file() else None


def _rows(path: Path) -> list[Any]:
    """The epochs' figures, rounded to what means anything."""
    if not path.is_file():
        return []
    rows = map(json.loads, path.read_text().splitlines())
    return [{name: float(f"{value:.5g}") for name, value in row.items()} for row in rows]


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n")
