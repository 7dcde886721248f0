"""Beam size and length penalty, chosen on the dev split and on nothing else."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from training.data.dataset import Dataset
from training.data.features import FeatureCache
from training.measure.metrics import image_statistics
from training.optimize.run_folder import SEARCH, load_run, weights_of
from training.search.generate import Generator, SearchOptions

BEAM_SIZES = (1, 2, 3, 4, 5, 7, 10)
LENGTH_PENALTIES = (0.0, 0.3, 0.5, 0.7, 0.9, 1.1, 1.3)


def tune(dataset: Dataset, features: FeatureCache, run: Path) -> SearchOptions:
    """Write `search.json` into the run: dev scores of every pair, and the one chosen.

    Beams are searched once a beam size: the length penalty only ranks what was found.
    """
    loaded = load_run(run, features.encoder)
    generator = Generator(loaded.model, loaded.rules, loaded.vocabulary, loaded.both_sides)
    references = dataset.references("dev")
    rows = []
    for beam_size in BEAM_SIZES:
        options = SearchOptions(beam_size=beam_size)
        found = dict(generator.beams(features, list(references), options, f"beam {beam_size}"))
        for length_penalty in LENGTH_PENALTIES:
            captions = {name: beams.best(length_penalty) for name, beams in found.items()}
            scores = image_statistics(captions, references, meteor=False).scores()
            rows.append(
                {"beam_size": beam_size, "length_penalty": length_penalty}
                | {name: round(scores[name], 2) for name in ("CIDEr", "BLEU-4")}
            )
    chosen = choose(rows)
    described = {"split": "dev", **weights_of(run), "chosen": asdict(chosen), "tried": rows}
    (run / SEARCH).write_text(json.dumps(described, indent=2) + "\n")
    return chosen


def choose(rows: Sequence[Mapping[str, float]]) -> SearchOptions:
    """The best CIDEr, and of equals the smallest beam; a wider one costs next to nothing here."""
    best = max(rows, key=lambda row: (row["CIDEr"], -row["beam_size"]))
    return SearchOptions(int(best["beam_size"]), length_penalty=float(best["length_penalty"]))
