"""Runs small enough for a test."""

import json
from functools import partial
from pathlib import Path
from typing import Any

from training.config import TrainConfig
from training.data.dataset import Dataset
from training.data.features import FeatureCache
from training.measure.epochs import dev_scores
from training.models.model import Model
from training.models.registry import build_decoder
from training.optimize import train as training
from training.optimize.inputs import Inputs
from training.optimize.steps import Trainer

train = partial(training.train, dev_scores=dev_scores)


def small(architecture: str, **changes: Any) -> TrainConfig:
    decoder = {"architecture": architecture, "units": 16, "attention_units": 8, "dropout": 0.0}
    return TrainConfig.model_validate(
        {
            "decoder": decoder | {"feature_dropout": 0.0},
            "min_count": 1,
            "batch_images": 2,
            "epochs": 2,
            "warmup_steps": 1,
            "learning_rate": 0.01,
            "mirror": False,
        }
        | changes
    )


def inputs(dataset: Dataset, features: FeatureCache) -> Inputs:
    return Inputs(dataset, features, "imagenet")


def trainer_of(config: TrainConfig, words: int = 12, steps: int = 200) -> Trainer:
    models = [Model(build_decoder(config.decoder, words)) for _ in range(2)]
    return Trainer(config, models[0], models[1], steps)


def rows(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
