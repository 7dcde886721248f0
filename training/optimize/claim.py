"""The folder of a run: begun once, and resumed only with what it was begun with."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from training.config import TrainConfig
from training.data.dataset import Dataset
from training.data.lexicons.objects import thing_words
from training.data.lexicons.people import people_lexicon
from training.data.text import Vocabulary
from training.models.encoder import encoder_id
from training.models.encoder_spec import ENCODERS
from training.optimize.inputs import Inputs, Start
from training.optimize.run_folder import (
    CHECKPOINTS,
    CONFIG,
    DANGLING,
    METRICS,
    STAGE,
    TAGGER,
    VOCABULARY,
    stage_of,
)
from training.provenance import provenance
from training.search.rules import ONCE, dangling_words, words_said_once


def claim(
    run: Path,
    config: TrainConfig,
    inputs: Inputs,
    start: Start | None,
    vocabulary: Vocabulary,
    resume: bool,
) -> None:
    """Make the folder `run`, or check that what it holds is what is to be resumed.

    Raises FileExistsError if it holds a run and `resume` is false, ValueError if that is another.
    """
    described = {
        "train": config.model_dump(),
        "encoder_weights": encoder_id(inputs.encoder_weights, spec=ENCODERS[config.encoder]),
        "start": start.described if start else None,
        "data": counts(inputs.dataset),
        "provenance": provenance(),
    }

    def same(started: dict[str, Any]) -> dict[str, bool]:
        return {
            **same_settings(started.get("train"), config),
            "encoder": started["encoder_weights"] == described["encoder_weights"],
            "start": started.get("start") == described["start"],
            "vocabulary": Vocabulary.load(run / VOCABULARY).words == vocabulary.words,
        }

    hold(run, described, resume, same, lambda: _begin(run, inputs, vocabulary))


def hold(
    run: Path,
    described: dict[str, Any],
    resume: bool,
    same: Callable[[dict[str, Any]], dict[str, bool]],
    begin: Callable[[], None] = lambda: None,
) -> None:
    """Make a folder that says how its run was started, or check what it says by `same`.

    `begin` writes what else a new run needs. Raises FileExistsError if it holds a run and `resume`
    is false, ValueError if that is another. A run that failed before the end of its first epoch is
    begun again: it holds nothing that could be lost.
    """
    run.mkdir(parents=True, exist_ok=True)
    file = run / CONFIG
    if not file.is_file() or not _has_learned(run):
        for name in (STAGE, TAGGER):
            (run / name).unlink(missing_ok=True)
        begin()
        file.write_text(json.dumps(described, indent=2) + "\n")
        return
    if not resume:
        raise FileExistsError(f"{run} holds a run; resume it with --resume or name another --run")
    for what, is_same in same(json.loads(file.read_text())).items():
        if not is_same:
            raise ValueError(f"{run} was started with another {what}; name another --run")


def _has_learned(run: Path) -> bool:
    """Whether a run has an epoch behind it, or weights of its own; an average has these alone."""
    weights = (path for path in run.glob("*.weights.h5") if path.name != STAGE)
    return any(weights) or any(run.glob(f"{CHECKPOINTS}/*")) or (run / METRICS).is_file()


def same_settings(started: dict[str, Any] | None, config: BaseModel) -> dict[str, bool]:
    """Whether a run was started with this configuration, by what of it differs."""
    before = type(config).model_validate(started).model_dump() if started else {}
    others = [name for name, each in config.model_dump().items() if before.get(name) != each]
    return {f"configuration ({', '.join(others)})": not others}


def counts(dataset: Dataset) -> dict[str, Any]:
    """How much there is of everything in a data set."""
    return {
        "sources": list(dataset.sources),
        "photos": {split: len(names) for split, names in dataset.splits.items()},
        "captions": {
            split: sum(len(dataset.captions[name]) for name in names)
            for split, names in dataset.splits.items()
        },
        "uncaptioned": len(dataset.uncaptioned),
        "texts": len(dataset.texts),
    }


def _begin(run: Path, inputs: Inputs, vocabulary: Vocabulary) -> None:
    """Write what a new run stands on."""
    train = inputs.dataset.splits["train"]
    tokens = [caption for name in train for caption in inputs.dataset.tokens(name)]
    (run / DANGLING).write_text("".join(f"{word}\n" for word in dangling_words(tokens)))
    once = words_said_once(tokens, thing_words() | people_lexicon().words)
    (run / ONCE).write_text("".join(f"{word}\n" for word in once))
    vocabulary.save(run / VOCABULARY)
    if inputs.start and (stage := stage_of(inputs.start)):
        shutil.copyfile(stage, run / STAGE)


def forget_rows_after(epoch: int, run: Path) -> None:
    """Drop the metrics of an epoch that a stop left without a checkpoint; it is trained again."""
    path = run / METRICS
    if path.is_file():
        rows = path.read_text().splitlines(keepends=True)
        path.write_text("".join(row for row in rows if json.loads(row)["epoch"] <= epoch))
