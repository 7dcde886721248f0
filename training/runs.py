"""A finished run, read back from its folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.config import TrainConfig
from training.decoder import Decoder
from training.decoders import build_decoder
from training.generate import SearchOptions
from training.text import Vocabulary

CONFIG = "config.json"
VOCABULARY = "vocabulary.txt"
WEIGHTS = "best.weights.h5"
METRICS = "metrics.jsonl"
SEARCH = "search.json"


@dataclass(frozen=True)
class Run:
    config: TrainConfig
    decoder: Decoder
    vocabulary: Vocabulary
    described: dict[str, Any]  # config.json as it stands


def load_run(run: Path, encoder: str) -> Run:
    """The best decoder of a run that was trained on the features of `encoder`.

    Raises FileNotFoundError if it has none yet, ValueError if the encoder is another one.
    """
    for name in (CONFIG, VOCABULARY, WEIGHTS):
        if not (run / name).is_file():
            raise FileNotFoundError(f"{run / name} is missing; train the run first")
    described = json.loads((run / CONFIG).read_text())
    if described["encoder_weights"] != encoder:
        raise ValueError(
            f"{run} was trained on features of the encoder {described['encoder_weights']}, "
            f"not {encoder}; name the same --encoder-weights"
        )
    config = TrainConfig.model_validate(described["train"])
    vocabulary = Vocabulary.load(run / VOCABULARY)
    decoder = build_decoder(config.decoder, len(vocabulary))
    decoder.load_weights(run / WEIGHTS)
    return Run(config, decoder, vocabulary, described)


def tuned_options(run: Path) -> SearchOptions:
    """The options chosen on dev. Raises FileNotFoundError before `tune` has run."""
    path = run / SEARCH
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; run `python -m training tune` first")
    return SearchOptions(**json.loads(path.read_text())["chosen"])
