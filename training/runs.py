"""A finished run, read back from its folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.config import TrainConfig
from training.dataset import Dataset
from training.decoder import Decoder
from training.decoders import build_decoder
from training.features import FeatureCache, cache_features, with_stage
from training.generate import SearchOptions
from training.rules import Rules, load_rules
from training.text import Vocabulary

CONFIG = "config.json"
VOCABULARY = "vocabulary.txt"
DANGLING = "dangling.txt"
WEIGHTS = "best.weights.h5"
STAGE = "encoder-stage.weights.h5"
METRICS = "metrics.jsonl"
SEARCH = "search.json"
CALIBRATION = "calibration.json"


@dataclass(frozen=True)
class Run:
    config: TrainConfig
    decoder: Decoder
    vocabulary: Vocabulary
    rules: Rules
    described: dict[str, Any]  # config.json as it stands

    @property
    def both_sides(self) -> bool:
        """Whether the decoder, having learned from mirror images, is shown them when it is used."""
        return self.config.mirror


def stage_of(run: Path) -> Path | None:
    """The weights of the encoder's last stage that a run, or the one it began with, fine-tuned."""
    return run / STAGE if (run / STAGE).is_file() else None


def features_of(run: Path | None, dataset: Dataset, weights: str, cache: Path) -> FeatureCache:
    """The cached features of the encoder as `run` has it, or as it was before any run."""
    return cache_features(dataset, weights, cache, stage_of(run) if run else None)


def load_run(run: Path, encoder: str) -> Run:
    """The best decoder of a run, for features of `encoder`.

    Raises FileNotFoundError if it has none yet, ValueError if the encoder is another one.
    """
    for name in (CONFIG, VOCABULARY, DANGLING, WEIGHTS):
        if not (run / name).is_file():
            raise FileNotFoundError(f"{run / name} is missing; train the run first")
    described = json.loads((run / CONFIG).read_text())
    trained_on = with_stage(described["encoder_weights"], stage_of(run))
    if trained_on != encoder:
        raise ValueError(
            f"{run} was trained on features of the encoder {trained_on}, not {encoder}; "
            "name the same --encoder-weights"
        )
    config = TrainConfig.model_validate(described["train"])
    vocabulary = Vocabulary.load(run / VOCABULARY)
    decoder = build_decoder(config.decoder, len(vocabulary))
    decoder.load_weights(run / WEIGHTS)
    return Run(config, decoder, vocabulary, load_rules(run / DANGLING, vocabulary), described)


def tuned_options(run: Path) -> SearchOptions:
    """The options chosen on dev. Raises FileNotFoundError before `tune` has run."""
    path = run / SEARCH
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; run `python -m training tune` first")
    return SearchOptions(**json.loads(path.read_text())["chosen"])
