"""One decoder from several runs that began with the same weights: the mean of theirs.

(Model soups; Wortsman et al. 2022.) It costs nothing when serving, unlike an ensemble.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from training.config import TrainConfig
from training.models.encoder_spec import ENCODERS
from training.models.registry import build_decoder
from training.optimize.run_folder import (
    CONFIG,
    DANGLING,
    STAGE,
    TAGGER,
    VOCABULARY,
    WEIGHTS,
    stage_of,
)
from training.provenance import provenance, sha256
from training.search.rules import ONCE


def average(runs: Sequence[Path], output: Path) -> None:
    """Write the folder `output`, a run as `train` leaves it but for the epochs.

    One of the runs may be the one that the others began with (Wortsman et al. 2022, "Robust
    fine-tuning of zero-shot models"). Raises ValueError if the runs did not begin with the same
    weights or have other words, and FileNotFoundError if one has none yet.
    """
    described = [json.loads((run / CONFIG).read_text()) for run in runs]
    if any(each["encoder_weights"] != described[0]["encoder_weights"] for each in described):
        raise ValueError("runs of another encoder_weights cannot be averaged")
    hashes = [sha256(run / WEIGHTS) for run in runs]
    _check_starts([each["start"] for each in described], hashes)
    vocabulary = (runs[0] / VOCABULARY).read_bytes()
    if any((run / VOCABULARY).read_bytes() != vocabulary for run in runs):
        raise ValueError("runs of another vocabulary cannot be averaged")
    config = TrainConfig.model_validate(described[0]["train"])
    words = len(vocabulary.splitlines())
    decoder = build_decoder(config.decoder, words, ENCODERS[config.encoder])
    weights = []
    for run in runs:
        decoder.load_weights(run / WEIGHTS)
        weights.append(decoder.get_weights())
    # The columns of tags are whole numbers, and the same in all runs.
    decoder.set_weights(
        [np.mean(each, axis=0).astype(each[0].dtype) for each in zip(*weights, strict=True)]
    )

    output.mkdir(parents=True, exist_ok=True)
    for name in (VOCABULARY, DANGLING, ONCE, TAGGER):
        if (runs[0] / name).is_file():
            shutil.copyfile(runs[0] / name, output / name)
    if stage := stage_of(runs[0]):
        shutil.copyfile(stage, output / STAGE)
    decoder.save_weights(output / WEIGHTS)
    parts = [{"run": run.name, "weights": own} for run, own in zip(runs, hashes, strict=True)]
    summary = described[0] | {"average_of": parts, "provenance": provenance()}
    (output / CONFIG).write_text(json.dumps(summary, indent=2) + "\n")


def _check_starts(starts: Sequence[Mapping[str, str] | None], weights: Sequence[str]) -> None:
    """Raises ValueError unless all runs began alike, or all others with one of them."""
    for base, own in enumerate(weights):
        others = [each for run, each in enumerate(starts) if run != base]
        if others and all(each and each["weights"] == own for each in others):
            return
    if any(each != starts[0] for each in starts):
        raise ValueError("runs of another start cannot be averaged")
    if starts[0] is None:
        raise ValueError("only runs that began with the same run can be averaged")
