"""The step `distill`: an encoder's last stage taught by another network, from pixels alone.

No caption is read, so the features of training photos stay as good as those of new ones; a last
stage that learns from captions knows its training photos by heart, and decoders trust it too much.

    for images in views(photos):                # random parts, new ones in each epoch
        maps, logits = teacher(images)
        mine = stage(trunk(images))             # the trunk stays as it is
        loss = 4 * smooth_l1(adapt(mine), maps) + kl(classify(mine), logits)
             + 0.15 * cross_entropy(name(mine), labels)

The three heads `adapt`, `classify` and `name` are linear, and only for this.
"""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from training.config import DistillConfig
from training.data.dataset import Dataset
from training.models.encoder import encoder_id, load_encoder, save_encoder
from training.models.encoder_spec import ENCODERS
from training.models.precision import layers_of
from training.models.teacher import Teacher
from training.optimize.claim import counts, forget_rows_after, hold, same_settings
from training.optimize.distill_steps import Distiller, Losses, Seen
from training.optimize.distill_views import Views
from training.optimize.run_folder import CHECKPOINTS, METRICS
from training.provenance import provenance

ENCODER = "encoder.weights.h5"
STANDARD_VIEWS = 512  # from which the mean and deviation of the teacher's channels are taken


@dataclass
class Progress:
    """How far a run is; kept in its checkpoints."""

    epoch: tf.Variable = field(default_factory=lambda: tf.Variable(0))


def distill(
    config: DistillConfig,
    dataset: Dataset,
    teacher: Teacher,
    weights: str,
    run: Path,
    resume: bool,
) -> None:
    """Train into the folder `run`: config, checkpoints, metrics, and the encoder's weights file.

    The file is for `--encoder-weights` of the other steps, and for Keras's own network.
    Raises FileExistsError if `run` holds a run and `resume` is false, and ValueError if it was
    started with another configuration, encoder or teacher.
    """
    spec = ENCODERS[config.encoder]
    described = {
        "distill": config.model_dump(mode="json"),
        "encoder_weights": encoder_id(weights, spec=spec),
        "teacher": teacher.name,
        "data": counts(dataset),
        "provenance": provenance(),
    }

    def same(started: dict[str, Any]) -> dict[str, bool]:
        return {
            **same_settings(started.get("distill"), config),
            "encoder": started["encoder_weights"] == described["encoder_weights"],
            "teacher": started.get("teacher") == described["teacher"],
        }

    hold(run, described, resume, same)
    keras.utils.set_random_seed(config.seed)
    with layers_of(config.precision):
        encoder = load_encoder(weights, spec=spec)
    views = Views(dataset, teacher, spec, config)
    some = views.some(STANDARD_VIEWS)
    steps = config.epochs * views.steps
    distiller = Distiller(config, encoder, some[0], steps)
    progress = Progress()
    checkpoint = tf.train.Checkpoint(**distiller.parts(), **vars(progress))
    manager = tf.train.CheckpointManager(checkpoint, run / CHECKPOINTS, max_to_keep=1)
    if manager.restore_or_initialize():
        print(f"resuming after epoch {int(progress.epoch)}", flush=True)
    else:
        distiller.standardise(some)
    forget_rows_after(int(progress.epoch), run)
    while int(progress.epoch) < config.epochs:
        epoch = int(progress.epoch) + 1
        started = time.monotonic()
        learned = _mean(distiller.learn, views.epoch(epoch), f"epoch {epoch}", views.steps)
        seconds = time.monotonic() - started
        dev = _mean(distiller.measure, views.dev(), "dev", None)
        row = {"epoch": epoch, **learned, **{f"dev {k}": v for k, v in dev.items()}}
        row["train_seconds"] = seconds
        progress.epoch.assign(epoch)
        with (run / METRICS).open("a") as file:
            file.write(json.dumps(row) + "\n")
        print("  ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)
        manager.save()
    save_encoder(encoder, run / ENCODER)


def _mean(
    step: Callable[[Seen], Losses], views: Iterable[Seen], label: str, steps: int | None
) -> dict[str, float]:
    """The losses of a step over batches of views, each batch counting alike."""
    found = []
    with tqdm(views, label, steps, unit="batch", mininterval=1, leave=False) as bar:
        for seen in bar:
            found.append([float(each) for each in step(seen)])
            bar.set_postfix(zip(Losses._fields, (f"{each:.3f}" for each in found[-1]), strict=True))
    means = np.mean(found, axis=0).tolist()
    if not np.isfinite(means).all():
        raise FloatingPointError(f"the losses of {label} are {means}; lower the learning rate")
    return dict(zip(Losses._fields, means, strict=True))
