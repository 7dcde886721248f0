"""`tag`, `train`, `average` and `caption`: a run made, and tried on photos."""

import argparse
from pathlib import Path

from training.commands.common import (
    Steps,
    add_data,
    add_encoder,
    add_encoder_choice,
    add_run,
    read_data,
    read_features,
)


def register(steps: "Steps[argparse.ArgumentParser]") -> None:
    tag = steps.add_parser("tag", help="fit the tag head, and write the training photos' tags")
    tag.add_argument("--config", type=Path, help="a TOML file; without it the defaults")
    tag.add_argument("--tags", type=Path, default=Path("runs/tags"), help="folder to write")
    add_data(tag)
    add_encoder(tag)
    add_encoder_choice(tag)
    tag.set_defaults(step=_tag)

    train = steps.add_parser("train", help="train a decoder on the cached features")
    train.add_argument("--config", type=Path, required=True, help="a TOML file")
    train.add_argument("--epochs", help="as --set epochs=N")
    train.add_argument("--seed", help="as --set seed=N")
    train.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="over the configuration, such as decoder.units=256; may be repeated",
    )
    train.add_argument("--start", type=Path, help="run or artifact whose weights to begin with")
    train.add_argument("--tags", type=Path, help="folder of `tag`, for a decoder that reads tags")
    train.add_argument("--resume", action="store_true", help="resume a stopped run")
    train.add_argument(
        "--devices", type=int, default=1, metavar="N", help="GPUs that share each step"
    )
    add_data(train)
    add_encoder(train)
    add_encoder_choice(train)
    add_run(train)
    train.set_defaults(step=_train)

    average = steps.add_parser("average", help="one run of the mean weights of several")
    average.add_argument(
        "runs", type=Path, nargs="+", metavar="RUN", help="runs that began with the same weights"
    )
    add_run(average)
    average.set_defaults(step=_average)

    caption = steps.add_parser("caption", help="caption photos with a run, before any export")
    caption.add_argument("photos", type=Path, nargs="+", metavar="PHOTO")
    add_encoder(caption)
    add_run(caption)
    caption.set_defaults(step=_caption)


def _tag(options: argparse.Namespace) -> None:
    from training.config import TagConfig, load_or_default
    from training.measure.tags import tag_scores
    from training.optimize.tagging import fit_tags

    config = load_or_default(TagConfig, options.config)
    dataset = read_data(options)
    features = read_features(dataset, options)
    found = fit_tags(dataset, features, config)
    found.save(options.tags)
    names = found.head.names
    print(f"{len(names.objects)} objects, {len(names.words)} words, {len(names.pairs)} word pairs")
    for what, score in tag_scores(dataset, features, found).items():
        print(f"mean average precision of the {what} on dev: {score:.3f}")


def _train(options: argparse.Namespace) -> None:
    from training.config import load_config
    from training.measure.epochs import dev_scores
    from training.optimize.inputs import Inputs, start_config, training_features
    from training.optimize.train import train

    start = options.start
    config = load_config(options.config, _changes(options), start_config(start) if start else None)
    dataset = read_data(options)
    features = training_features(config, dataset, options.encoder_weights, options.cache, start)
    inputs = Inputs(dataset, features, options.encoder_weights, start, options.tags)
    train(config, inputs, options.run, options.resume, dev_scores, options.devices)


def _average(options: argparse.Namespace) -> None:
    from training.optimize.average import average

    average(options.runs, options.run)
    print(f"wrote {options.run}")


def _changes(options: argparse.Namespace) -> dict[str, str]:
    """What the command line sets over the configuration. Raises ValueError."""
    changes = {}
    for each in options.set:
        key, equals, value = each.partition("=")
        if not equals:
            raise ValueError(f"--set {each}: write KEY=VALUE, such as epochs=5")
        changes[key.strip()] = value.strip()
    short = {"encoder": options.encoder, "epochs": options.epochs, "seed": options.seed}
    return changes | {key: value for key, value in short.items() if value is not None}


def _caption(options: argparse.Namespace) -> None:
    from training.measure.try_out import caption_photos

    for photo, caption in caption_photos(options.photos, options.run, options.encoder_weights):
        print(f"{photo}: {caption}", flush=True)
