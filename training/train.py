"""A training run: epochs of steps, chosen by dev CIDEr, resumable after each of them."""

import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tqdm import tqdm

from training.batches import Batch, TrainingData
from training.config import TrainConfig
from training.dataset import Dataset
from training.decoders import build_decoder
from training.encoder import load_encoder
from training.evaluate import habits
from training.features import FeatureCache, cache_trunk, encoder_id
from training.generate import Generator, SearchOptions
from training.metrics import have_java, image_statistics
from training.model import Model
from training.provenance import provenance, sha256
from training.rules import dangling_words, load_rules
from training.runs import (
    CONFIG,
    DANGLING,
    METRICS,
    STAGE,
    VOCABULARY,
    WEIGHTS,
    features_of,
    stage_of,
)
from training.text import Vocabulary
from training.trainer import CiderSteps, Trainer


@dataclass(frozen=True)
class Inputs:
    """What a run reads."""

    dataset: Dataset
    features: FeatureCache  # the trunk's maps if the encoder is fine-tuned
    encoder_weights: str
    start: Path | None = None  # the run it goes on from


@dataclass
class Progress:
    """How far a run is; kept in its checkpoints."""

    epoch: tf.Variable = field(default_factory=lambda: tf.Variable(0))
    best_epoch: tf.Variable = field(default_factory=lambda: tf.Variable(0))
    best_cider: tf.Variable = field(default_factory=lambda: tf.Variable(-1.0))


def training_features(
    config: TrainConfig, dataset: Dataset, weights: str, cache: Path, start: Path | None
) -> FeatureCache:
    """What a run with this configuration reads: the trunk's maps if it trains the last stage."""
    if config.encoder_learning_rate:
        return cache_trunk(dataset, weights, cache)
    return features_of(start, dataset, weights, cache)


def train(config: TrainConfig, inputs: Inputs, run: Path, resume: bool) -> None:
    """Train into the folder `run`: config, vocabulary, checkpoints, best weights, metrics.

    Raises FileExistsError if `run` holds a run that `resume` does not ask to go on with, and
    ValueError if it was started with another configuration, encoder, start or vocabulary.
    """
    dataset, features = inputs.dataset, inputs.features
    captions = {name: dataset.tokens(name) for name in dataset.splits["train"]}
    vocabulary = Vocabulary.from_captions(
        (tokens for group in captions.values() for tokens in group), config.min_count
    )
    _claim(run, config, inputs, vocabulary, resume)
    keras.utils.set_random_seed(config.seed)
    data = TrainingData(dataset, features, vocabulary, config)
    trainer = Trainer(
        config,
        _model(config, inputs, len(vocabulary)),
        _model(config, inputs, len(vocabulary)),
        config.epochs * data.steps(),
    )
    progress = Progress()
    checkpoint = tf.train.Checkpoint(**trainer.parts(), **vars(progress))
    manager = tf.train.CheckpointManager(checkpoint, run / "checkpoints", max_to_keep=1)
    if manager.restore_or_initialize():
        print(f"going on after epoch {int(progress.epoch)}", flush=True)
    _forget_rows_after(int(progress.epoch), run)
    rules = load_rules(run / DANGLING, vocabulary)
    generator = Generator(trainer.averaged, rules, vocabulary)
    references = dataset.references("dev")
    writer = tf.summary.create_file_writer(str(run / "tensorboard"))
    figure = "reward" if config.objective == "cider" else "loss"
    step = trainer.imitation_step
    if config.objective == "cider":
        step = CiderSteps(trainer, vocabulary, captions).step

    while int(progress.epoch) < config.epochs and not _stale(progress, config):
        epoch = int(progress.epoch) + 1
        started = time.monotonic()
        mean = _train_epoch(step, figure, data, config, epoch)
        trained = time.monotonic()
        dev = _dev_scores(generator, features, references, config)
        row = {
            "epoch": epoch,
            figure: mean,
            "learning_rate": float(trainer.optimizer.learning_rate),
            **{f"dev {name}": score for name, score in dev.items()},
            "train_seconds": trained - started,
            "dev_seconds": time.monotonic() - trained,
        }
        if dev["CIDEr"] > float(progress.best_cider):
            progress.best_cider.assign(dev["CIDEr"])
            progress.best_epoch.assign(epoch)
            trainer.averaged.save(run / WEIGHTS, run / STAGE)
        progress.epoch.assign(epoch)
        _report(row, run, writer)
        manager.save()
    print(f"best dev CIDEr {float(progress.best_cider):.2f}, epoch {int(progress.best_epoch)}")


def _model(config: TrainConfig, inputs: Inputs, words: int) -> Model:
    """A new model, with the weights of the run it goes on from."""
    decoder = build_decoder(config.decoder, words)
    if inputs.start:
        decoder.load_weights(inputs.start / WEIGHTS)
    if config.objective == "cider":
        decoder.sharpen(config.temperature)
        decoder.freeze_words()
    if not config.encoder_learning_rate:
        return Model(decoder)
    before = stage_of(inputs.start) if inputs.start else None
    return Model(decoder, load_encoder(inputs.encoder_weights, before).stage)


def _claim(
    run: Path, config: TrainConfig, inputs: Inputs, vocabulary: Vocabulary, resume: bool
) -> None:
    """Make `run` ours, or check that what is to go on is what was started."""
    run.mkdir(parents=True, exist_ok=True)
    file = run / CONFIG
    start = None
    if inputs.start:
        start = {"run": inputs.start.name, "weights": sha256(inputs.start / WEIGHTS)}
    described = {
        "train": config.model_dump(),
        "encoder_weights": encoder_id(inputs.encoder_weights),
        "start": start,
        "provenance": provenance(),
    }
    if not file.is_file():
        _begin(run, inputs, vocabulary)
        file.write_text(json.dumps(described, indent=2) + "\n")
        return
    if not resume:
        raise FileExistsError(f"{run} holds a run; go on with --resume or name another --run")
    started = json.loads(file.read_text())
    same = {
        "configuration": TrainConfig.model_validate(started["train"]) == config,
        "encoder": started["encoder_weights"] == described["encoder_weights"],
        "start": started.get("start") == start,
        "vocabulary": Vocabulary.load(run / VOCABULARY).words == vocabulary.words,
    }
    for what, is_same in same.items():
        if not is_same:
            raise ValueError(f"{run} was started with another {what}; name another --run")


def _begin(run: Path, inputs: Inputs, vocabulary: Vocabulary) -> None:
    """Write what a new run stands on."""
    train = inputs.dataset.splits["train"]
    tokens = (caption for name in train for caption in inputs.dataset.tokens(name))
    (run / DANGLING).write_text("".join(f"{word}\n" for word in dangling_words(tokens)))
    vocabulary.save(run / VOCABULARY)
    if inputs.start is None:
        return
    if Vocabulary.load(inputs.start / VOCABULARY).words != vocabulary.words:
        raise ValueError(f"{inputs.start} has another vocabulary; choose its min_count")
    if stage := stage_of(inputs.start):
        shutil.copyfile(stage, run / STAGE)


def _forget_rows_after(epoch: int, run: Path) -> None:
    """Drop the metrics of an epoch that a stop left without a checkpoint; it is trained again."""
    path = run / METRICS
    if path.is_file():
        rows = path.read_text().splitlines(keepends=True)
        path.write_text("".join(row for row in rows if json.loads(row)["epoch"] <= epoch))


def _stale(progress: Progress, config: TrainConfig) -> bool:
    return int(progress.epoch) - int(progress.best_epoch) >= config.patience


def _train_epoch(
    step: Callable[[Batch], float],
    figure: str,
    data: TrainingData,
    config: TrainConfig,
    epoch: int,
) -> float:
    """The mean of the steps' figures, a loss or a reward."""
    total, steps = 0.0, 0
    batches = data.epoch(seed=config.seed * 10_000 + epoch)
    label = f"epoch {epoch}/{config.epochs}"
    with tqdm(batches, label, data.steps(), unit="batch", mininterval=1, leave=False) as bar:
        for batch in bar:
            total, steps = total + step(batch), steps + 1
            bar.set_postfix({figure: f"{total / steps:.3f}"})
    if not math.isfinite(total):
        raise FloatingPointError(
            f"the {figure} of epoch {epoch} is {total}; lower the learning rate"
        )
    return total / steps


def _dev_scores(
    generator: Generator,
    features: FeatureCache,
    references: dict[str, list[str]],
    config: TrainConfig,
) -> dict[str, float]:
    options = SearchOptions(beam_size=config.dev_beam_size)
    captions = generator.captions(features, list(references), options, "dev")
    # METEOR takes as long as all the rest, but the CIDEr objective does not see it fall.
    meteor = config.objective == "cider" and have_java()
    scores = image_statistics(captions, references, meteor).scores()
    shown = ("CIDEr", "BLEU-4", "ROUGE-L", "METEOR")
    return {name: scores[name] for name in shown if name in scores} | habits(captions)


def _report(row: dict[str, Any], run: Path, writer: tf.summary.SummaryWriter) -> None:
    with (run / METRICS).open("a") as file:
        file.write(json.dumps(row) + "\n")
    with writer.as_default(step=row["epoch"]):
        for name, value in row.items():
            tf.summary.scalar(name, value)
    writer.flush()
    print("  ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)
