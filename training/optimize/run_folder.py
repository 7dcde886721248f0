"""A finished run, read back from its folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.config import TrainConfig
from training.data.dataset import Dataset
from training.data.features import FeatureCache
from training.data.text import Vocabulary
from training.models.decoder import Decoder
from training.models.encoder import encoder_id, with_stage
from training.models.encoder_spec import ENCODERS, RESNET50, EncoderSpec
from training.models.extract import cache_features
from training.models.model import Model
from training.models.registry import build_decoder
from training.models.tagger import Tagger, TagHead
from training.provenance import sha256
from training.search.generate import SearchOptions
from training.search.rules import Rules, load_rules

CONFIG = "config.json"
VOCABULARY = "vocabulary.txt"
DANGLING = "dangling.txt"
WEIGHTS = "best.weights.h5"
STAGE = "encoder-stage.weights.h5"
TAGGER = "tagger.npz"
METRICS = "metrics.jsonl"
CHECKPOINTS = "checkpoints"
SEARCH = "search.json"
CALIBRATION = "calibration.json"
GUIDE = "guide.npz"


@dataclass(frozen=True)
class Run:
    config: TrainConfig
    decoder: Decoder
    vocabulary: Vocabulary
    rules: Rules
    described: dict[str, Any]  # config.json as it stands
    tag_head: TagHead | None = None  # of a decoder that reads tags

    @property
    def model(self) -> Model:
        """The decoder with its tag head, if it has one."""
        tagger = Tagger(self.tag_head) if self.tag_head else None
        return Model(self.decoder, tagger=tagger, encoder=self.encoder)

    @property
    def encoder(self) -> EncoderSpec:
        return ENCODERS[self.config.encoder]

    @property
    def both_sides(self) -> bool:
        """Whether the decoder, having learned from mirror images, is shown them when it is used."""
        return self.config.mirror


def stage_of(run: Path) -> Path | None:
    """The weights of the encoder's last stage that a run, or the one it began with, fine-tuned."""
    return run / STAGE if (run / STAGE).is_file() else None


def encoder_of(run: Path) -> EncoderSpec:
    """The encoder whose maps a run reads. Raises FileNotFoundError if it has not begun."""
    if not (run / CONFIG).is_file():
        raise FileNotFoundError(f"{run / CONFIG} is missing; train the run first")
    described = json.loads((run / CONFIG).read_text())["train"]
    return ENCODERS[TrainConfig.model_validate(described).encoder]


def features_of(
    run: Path | None,
    dataset: Dataset,
    weights: str,
    cache: Path,
    spec: EncoderSpec = RESNET50,
) -> FeatureCache:
    """The cached features of the encoder with the last stage that `run` has, if it has its own.

    They take minutes to compute: raises ValueError first if the run reads those of another encoder.
    """
    if run and (run / CONFIG).is_file():
        described_run(run, encoder_id(weights, stage_of(run), spec))
    return cache_features(dataset, weights, cache, stage_of(run) if run else None, spec)


def described_run(run: Path, encoder: str) -> dict[str, Any]:
    """A run's `config.json`. Raises ValueError if it was trained on features of another encoder."""
    described: dict[str, Any] = json.loads((run / CONFIG).read_text())
    trained_on = with_stage(described["encoder_weights"], stage_of(run))
    if trained_on != encoder:
        raise ValueError(
            f"{run} was trained on features of the encoder {trained_on}, not {encoder}; "
            "name the same --encoder-weights"
        )
    return described


def load_run(run: Path, encoder: str) -> Run:
    """The best decoder of a run, for features of `encoder`.

    Raises FileNotFoundError if it has none yet, ValueError if the encoder is another one.
    """
    for name in (CONFIG, VOCABULARY, DANGLING, WEIGHTS):
        if not (run / name).is_file():
            raise FileNotFoundError(f"{run / name} is missing; train the run first")
    described = described_run(run, encoder)
    config = TrainConfig.model_validate(described["train"])
    vocabulary = Vocabulary.load(run / VOCABULARY)
    decoder = build_decoder(config.decoder, len(vocabulary), ENCODERS[config.encoder])
    decoder.load_weights(run / WEIGHTS)
    rules = load_rules(run / DANGLING, vocabulary)
    tag_head = TagHead.load(run / TAGGER) if (run / TAGGER).is_file() else None
    return Run(config, decoder, vocabulary, rules, described, tag_head)


def tuned_options(run: Path) -> SearchOptions:
    """The options chosen on dev.

    Raises FileNotFoundError before `tune`, or `guide` of a run with tags, has run, and ValueError
    if the run was trained on since.
    """
    step = "guide" if (run / TAGGER).is_file() else "tune"
    return SearchOptions(**read_measured(run / SEARCH, step)["chosen"])


def weights_of(run: Path) -> dict[str, str]:
    """What a file that a step writes into a run says of the weights that it measured."""
    return {"weights": sha256(run / WEIGHTS)}


def read_measured(path: Path, step: str) -> dict[str, Any]:
    """A JSON file that a step wrote into a run.

    Raises FileNotFoundError if it is missing, and ValueError if it is of other weights.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; run `python -m training {step}` first")
    found: dict[str, Any] = json.loads(path.read_text())
    if found.get("weights", now := sha256(path.parent / WEIGHTS)) != now:
        raise ValueError(
            f"{path} is of other weights than the run has now; run `python -m training {step}` "
            "again"
        )
    return found
