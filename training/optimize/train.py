"""A training run: epochs of steps, chosen by dev CIDEr, resumable after each of them.

An epoch of cross-entropy, without the bookkeeping:

    for maps, words in data.epoch(seed):            # cached features, and the photos' captions
        logits = model(maps, words[:-1])            # teacher forcing: every step at once
        loss = cross_entropy(logits, words[1:])     # smoothed labels
        weights -= adamw(clipped(gradient(loss)))   # warm-up, then a cosine decay
        average += (1 - ema_decay) * (weights - average)
    captions = beam_search(average, dev_maps)
    if cider(captions) > best: save(average)

Under the CIDEr reward a step draws captions instead, and makes those with more reward than the
photo's others more probable (`cider.py`).
"""

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tqdm import tqdm

from training.config import Precision, TrainConfig
from training.data.batches import Batch, TrainingData
from training.data.features import FeatureCache
from training.data.text import Vocabulary
from training.data.texts import TextBatch
from training.models.encoder import load_encoder
from training.models.encoder_spec import ENCODERS
from training.models.model import Model
from training.models.precision import layers_of
from training.models.registry import build_decoder
from training.optimize.cider import CiderSteps
from training.optimize.claim import claim, forget_rows_after
from training.optimize.inputs import Inputs, Start, load_start
from training.optimize.joint import JointData
from training.optimize.replicas import Replicas
from training.optimize.run_folder import (
    CHECKPOINTS,
    DANGLING,
    METRICS,
    STAGE,
    WEIGHTS,
    stage_of,
)
from training.optimize.steps import Trainer
from training.optimize.tag_folder import TagData
from training.optimize.tagged_run import (
    add_tag_head,
    keep_tag_head,
    new_photos,
    object_reward,
    read_tags,
    training_data,
    with_pseudo_captions,
)
from training.search.generate import Generator
from training.search.rules import load_rules

# Of a generator, the features, the dev references by photo and the configuration.
DevScores = Callable[[Generator, FeatureCache, dict[str, list[str]], TrainConfig], dict[str, float]]


@dataclass
class Progress:
    """How far a run is; kept in its checkpoints."""

    epoch: tf.Variable = field(default_factory=lambda: tf.Variable(0))
    best_epoch: tf.Variable = field(default_factory=lambda: tf.Variable(0))
    best_cider: tf.Variable = field(default_factory=lambda: tf.Variable(-1.0))
    best_loss: tf.Variable = field(default_factory=lambda: tf.Variable(math.inf))

    def note(self, epoch: int, cider: float, loss: float) -> bool:
        """Whether an epoch's dev CIDEr is the best, or as good at a lower dev loss.

        Captions of few photos often have a CIDEr of 0, and those of one photo always.
        """
        best = float(self.best_cider)
        if not (cider > best or (cider == best and loss < float(self.best_loss))):
            return False
        self.best_epoch.assign(epoch)
        self.best_cider.assign(cider)
        self.best_loss.assign(loss)
        return True


def train(
    config: TrainConfig,
    inputs: Inputs,
    run: Path,
    resume: bool,
    dev_scores: DevScores,
    devices: int = 1,
) -> None:
    """Train into the folder `run`: config, vocabulary, checkpoints, best weights, metrics.

    Each step is shared by so many `devices`. `dev_scores` measures the dev split's captions after
    each epoch; its CIDEr chooses the epoch.
    Raises FileExistsError if `run` holds a run and `resume` is false, and ValueError if it was
    started with another configuration, encoder, start or vocabulary.
    """
    config, tags = read_tags(config, inputs.tags, inputs.dataset)
    dataset, features = with_pseudo_captions(inputs.dataset, config, tags), inputs.features
    captions = {name: dataset.tokens(name) for name in dataset.splits["train"]}
    start = load_start(inputs.start) if inputs.start else None
    vocabulary = (
        tags.vocabulary
        if tags
        else Vocabulary.from_captions(
            (tokens for group in captions.values() for tokens in group), config.min_count
        )
    )
    vocabulary = start.extend(vocabulary) if start else vocabulary
    claim(run, config, inputs, start, vocabulary, resume)
    keras.utils.set_random_seed(config.seed)
    keep_tag_head(run, tags)
    data = training_data(dataset, features, vocabulary, config, tags)
    plain = config.model_copy(update={"mirror": False, "crop_share": 0.0})
    read = new_photos(features, tags)
    dev_data = TrainingData(dataset, features, vocabulary, plain, read, "dev")
    replicas = Replicas(devices)
    with replicas.scope():
        models = [
            add_tag_head(_model(config, inputs, start, vocabulary, tags, each), tags, vocabulary)
            # The average is what dev is captioned with and what is kept.
            for each in (config.precision, "float32")
        ]
        trainer = Trainer(config, models[0], models[1], config.epochs * data.steps(), replicas)
    progress = Progress()
    checkpoint = tf.train.Checkpoint(**trainer.parts(), **vars(progress))
    manager = tf.train.CheckpointManager(checkpoint, run / CHECKPOINTS, max_to_keep=1)
    if manager.restore_or_initialize():
        print(f"resuming after epoch {int(progress.epoch)}", flush=True)
    forget_rows_after(int(progress.epoch), run)
    rules = load_rules(run / DANGLING, vocabulary)
    generator = Generator(trainer.averaged, rules, vocabulary)
    references = dataset.references("dev")
    writer = tf.summary.create_file_writer(str(run / "tensorboard"))
    figure = "reward" if config.objective == "cider" else "loss"
    step = trainer.imitation_step
    if config.objective == "cider":
        objects, pseudo = object_reward(config, dataset), tags.pseudo if tags else ()
        step = CiderSteps(trainer, vocabulary, captions, objects, pseudo).step

    while int(progress.epoch) < config.epochs and not _stale(progress, config):
        epoch = int(progress.epoch) + 1
        started = time.monotonic()
        trainer.begin_epoch(epoch)
        mean = _train_epoch(step, figure, data, config, epoch)
        trained = time.monotonic()
        dev_loss = trainer.loss(dev_data.epoch(seed=0))
        dev = dev_scores(generator, features, references, config)
        row = {
            "epoch": epoch,
            figure: mean,
            "learning_rate": float(trainer.optimizer.learning_rate),
            **{f"dev {name}": score for name, score in dev.items()},
            "dev loss": dev_loss,
            "photos_per_second": data.photos() / (trained - started),
            "train_seconds": trained - started,
            "dev_seconds": time.monotonic() - trained,
        }
        if progress.note(epoch, dev["CIDEr"], dev_loss):
            trainer.averaged.save(run / WEIGHTS, run / STAGE)
        progress.epoch.assign(epoch)
        _report(row, run, writer)
        manager.save()
    print(f"best dev CIDEr {float(progress.best_cider):.2f}, epoch {int(progress.best_epoch)}")


def _model(
    config: TrainConfig,
    inputs: Inputs,
    start: Start | None,
    vocabulary: Vocabulary,
    tags: TagData | None,
    precision: Precision,
) -> Model:
    """A new model, with the weights it begins with."""
    spec = ENCODERS[config.encoder]
    decoder = build_decoder(config.decoder, len(vocabulary), spec, precision)
    if start:
        start.fill(decoder, vocabulary, tags.head.names if tags else None)
    if config.objective == "cider":
        decoder.sharpen(config.temperature)
        decoder.freeze_words()
    if not config.encoder_learning_rate:
        return Model(decoder, encoder=spec)
    before = stage_of(inputs.start) if inputs.start else None
    with layers_of(precision):
        stage = load_encoder(inputs.encoder_weights, before, spec).stage
    return Model(decoder, stage, encoder=spec)


def _stale(progress: Progress, config: TrainConfig) -> bool:
    return int(progress.epoch) - int(progress.best_epoch) >= config.patience


def _train_epoch(
    step: Callable[[Batch | TextBatch], float],
    figure: str,
    data: JointData,
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


def _report(row: dict[str, Any], run: Path, writer: tf.summary.SummaryWriter) -> None:
    with (run / METRICS).open("a") as file:
        file.write(json.dumps(row) + "\n")
    with writer.as_default(step=row["epoch"]):
        for name, value in row.items():
            tf.summary.scalar(name, value)
    writer.flush()
    print("  ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)
