"""Training a decoder on cached features: cross-entropy, chosen by dev CIDEr."""

import json
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tqdm import tqdm

from training.batches import SIGNATURE, Batch, TrainingData
from training.config import TrainConfig
from training.dataset import Dataset
from training.decoder import Decoder
from training.decoders import build_decoder
from training.features import FeatureCache
from training.generate import Generator, SearchOptions
from training.metrics import image_statistics
from training.provenance import provenance
from training.runs import CONFIG, METRICS, VOCABULARY, WEIGHTS
from training.text import PAD, Vocabulary


@dataclass
class Progress:
    """How far a run is; kept in its checkpoints."""

    epoch: tf.Variable = field(default_factory=lambda: tf.Variable(0))
    best_epoch: tf.Variable = field(default_factory=lambda: tf.Variable(0))
    best_cider: tf.Variable = field(default_factory=lambda: tf.Variable(-1.0))


class Trainer:
    """A decoder, its averaged twin, and the optimiser between them."""

    def __init__(self, config: TrainConfig, vocabulary_size: int, total_steps: int) -> None:
        self.config = config
        self.decoder = build_decoder(config.decoder, vocabulary_size)
        self.averaged = build_decoder(config.decoder, vocabulary_size)
        self.averaged.set_weights(self.decoder.get_weights())
        self.optimizer = keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(
                0.0,
                decay_steps=max(1, total_steps - config.warmup_steps),
                warmup_target=config.learning_rate,
                warmup_steps=config.warmup_steps,
            ),
            weight_decay=config.weight_decay,
            global_clipnorm=config.clip_norm,
        )
        self.optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "position"])
        self.optimizer.build(self.decoder.trainable_variables)

    @tf.function(input_signature=SIGNATURE)
    def step(self, maps: tf.Tensor, tokens: tf.Tensor, owners: tf.Tensor) -> tf.Tensor:
        """One update from a batch; returns its loss (nats a token)."""
        with tf.GradientTape() as tape:
            loss = caption_loss(
                self.decoder, Batch(maps, tokens, owners), self.config.label_smoothing
            )
        variables = self.decoder.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        self._average()
        return loss

    def _average(self) -> None:
        """Exponential moving average, quick to forget while it is young (Polyak averaging)."""
        step = tf.cast(self.optimizer.iterations, tf.float32)
        keep = tf.minimum(self.config.ema_decay, (1 + step) / (10 + step))
        averages, variables = self.averaged.trainable_variables, self.decoder.trainable_variables
        for average, variable in zip(averages, variables, strict=True):
            average.assign_sub((1 - keep) * (average - variable))


def caption_loss(decoder: Decoder, batch: Batch, label_smoothing: float) -> tf.Tensor:
    """Mean cross-entropy with smoothed labels (Szegedy et al. 2016, section 7), a scalar."""
    memory = decoder.remember(tf.cast(batch.maps, tf.float32), training=True)
    memory = {name: tf.gather(each, batch.owners) for name, each in memory.items()}
    inputs, targets = batch.tokens[:, :-1], batch.tokens[:, 1:]
    outputs = decoder.forced(inputs, memory, training=True)
    # Padding is dropped before the widest product, not masked after it.
    real = targets != PAD
    log_probs = tf.nn.log_softmax(decoder.logits(tf.boolean_mask(outputs, real)))
    right = tf.gather(log_probs, tf.boolean_mask(targets, real), batch_dims=1)
    spread = tf.reduce_mean(log_probs, axis=-1)
    return -tf.reduce_mean((1 - label_smoothing) * right + label_smoothing * spread)


def train(
    config: TrainConfig, dataset: Dataset, features: FeatureCache, run: Path, resume: bool
) -> None:
    """Train into the folder `run`: config, vocabulary, checkpoints, best weights, metrics.

    Raises FileExistsError if `run` holds a run that `resume` does not ask to go on with, and
    ValueError if it was started with another configuration, encoder or vocabulary.
    """
    vocabulary = Vocabulary.from_captions(
        (tokens for name in dataset.splits["train"] for tokens in dataset.tokens(name)),
        config.min_count,
    )
    _claim(run, config, features.encoder, vocabulary, resume)
    keras.utils.set_random_seed(config.seed)
    data = TrainingData(dataset, features, vocabulary, config)
    trainer = Trainer(config, len(vocabulary), config.epochs * data.steps())
    progress = Progress()
    checkpoint = tf.train.Checkpoint(
        decoder=trainer.decoder,
        averaged=trainer.averaged,
        optimizer=trainer.optimizer,
        **vars(progress),
    )
    manager = tf.train.CheckpointManager(checkpoint, run / "checkpoints", max_to_keep=1)
    if manager.restore_or_initialize():
        print(f"going on after epoch {int(progress.epoch)}", flush=True)
    _forget_rows_after(int(progress.epoch), run)
    generator = Generator(trainer.averaged, vocabulary)
    references = dataset.references("dev")
    writer = tf.summary.create_file_writer(str(run / "tensorboard"))

    while int(progress.epoch) < config.epochs and not _stale(progress, config):
        epoch = int(progress.epoch) + 1
        started = time.monotonic()
        loss = _train_epoch(trainer, data, epoch)
        trained = time.monotonic()
        dev = _dev_scores(generator, features, references, config)
        row = {
            "epoch": epoch,
            "loss": loss,
            "learning_rate": float(trainer.optimizer.learning_rate),
            **{f"dev {name}": score for name, score in dev.items()},
            "train_seconds": trained - started,
            "dev_seconds": time.monotonic() - trained,
        }
        if dev["CIDEr"] > float(progress.best_cider):
            progress.best_cider.assign(dev["CIDEr"])
            progress.best_epoch.assign(epoch)
            trainer.averaged.save_weights(run / WEIGHTS)
        progress.epoch.assign(epoch)
        _report(row, run, writer)
        manager.save()
    print(f"best dev CIDEr {float(progress.best_cider):.2f}, epoch {int(progress.best_epoch)}")


def _claim(
    run: Path, config: TrainConfig, encoder: str, vocabulary: Vocabulary, resume: bool
) -> None:
    """Make `run` ours, or check that what is to go on is what was started."""
    run.mkdir(parents=True, exist_ok=True)
    file = run / CONFIG
    if not file.is_file():
        described = {
            "train": config.model_dump(),
            "encoder_weights": encoder,
            "provenance": provenance(),
        }
        vocabulary.save(run / VOCABULARY)
        file.write_text(json.dumps(described, indent=2) + "\n")
        return
    if not resume:
        raise FileExistsError(f"{run} holds a run; go on with --resume or name another --run")
    started = json.loads(file.read_text())
    same = {
        "configuration": TrainConfig.model_validate(started["train"]) == config,
        "encoder": started["encoder_weights"] == encoder,
        "vocabulary": Vocabulary.load(run / VOCABULARY).words == vocabulary.words,
    }
    for what, is_same in same.items():
        if not is_same:
            raise ValueError(f"{run} was started with another {what}; name another --run")


def _forget_rows_after(epoch: int, run: Path) -> None:
    """Drop the metrics of an epoch that a stop left without a checkpoint; it is trained again."""
    path = run / METRICS
    if path.is_file():
        rows = path.read_text().splitlines(keepends=True)
        path.write_text("".join(row for row in rows if json.loads(row)["epoch"] <= epoch))


def _stale(progress: Progress, config: TrainConfig) -> bool:
    return int(progress.epoch) - int(progress.best_epoch) >= config.patience


def _train_epoch(trainer: Trainer, data: TrainingData, epoch: int) -> float:
    total, steps = 0.0, 0
    batches = data.epoch(seed=trainer.config.seed * 10_000 + epoch)
    label = f"epoch {epoch}/{trainer.config.epochs}"
    with tqdm(batches, label, data.steps(), unit="batch", mininterval=1, leave=False) as bar:
        for batch in bar:
            total, steps = total + float(trainer.step(*batch)), steps + 1
            rate = float(trainer.optimizer.learning_rate)
            bar.set_postfix(loss=f"{total / steps:.3f}", rate=f"{rate:.1e}")
    if not math.isfinite(total):
        raise FloatingPointError(f"the loss of epoch {epoch} is {total}; lower the learning rate")
    return total / steps


def _dev_scores(
    generator: Generator,
    features: FeatureCache,
    references: dict[str, list[str]],
    config: TrainConfig,
) -> dict[str, float]:
    options = SearchOptions(beam_size=config.dev_beam_size)
    captions = generator.captions(features, list(references), options, "dev")
    scores = image_statistics(captions, references, meteor=False).scores()
    return {name: scores[name] for name in ("CIDEr", "BLEU-4", "ROUGE-L")}


def _report(row: dict[str, Any], run: Path, writer: tf.summary.SummaryWriter) -> None:
    with (run / METRICS).open("a") as file:
        file.write(json.dumps(row) + "\n")
    with writer.as_default(step=row["epoch"]):
        for name, value in row.items():
            tf.summary.scalar(name, value)
    writer.flush()
    print("  ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)
